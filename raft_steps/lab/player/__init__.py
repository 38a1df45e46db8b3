"""The live cluster: a run that one can go back in, change and branch off from, and hand on as text.

It knows no widget and no browser: requests come in as data, and what became of them goes out as data.
"""

from __future__ import annotations
