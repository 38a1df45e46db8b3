"""The live cluster: a run that can be replayed, changed in its past, branched, and exported as text.

Requests from the browser come in as data, and the results go out as data. Only `widget` depends on Jupyter's widgets.
"""

from __future__ import annotations
