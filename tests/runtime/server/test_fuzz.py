"""A few thousand of the inputs that ``python -m tests.runtime.server.fuzz`` draws by the million."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.server.fuzz.inputs import Inputs
from tests.runtime.server.fuzz.session import Tally, feed


@pytest.mark.slow
def test_no_input_harms_a_server(tmp_path: Path) -> None:
    """Nothing escapes the server, and nothing of a connection stays when it has ended; inputs reach the node, too."""
    tally = Tally()
    feed(1, 4_000, tmp_path, tally)
    assert tally.counts["client inputs"] == tally.counts["peer inputs"] == 2_000
    assert tally.counts["handled by the node"] > 500
    assert 0 < tally.lines < 40 * tally.counts["servers"]


def test_inputs_depend_on_the_seed_alone() -> None:
    """A failure can be seen again."""

    def drawn(seed: int) -> list[bytes]:
        inputs = Inputs(seed, {"type": "Hello", "name": "jerry"}, lambda: (3, 2))
        return [data for _ in range(50) for data in (inputs.from_client(), inputs.first_line(), inputs.from_server())]

    assert drawn(1) == drawn(1) != drawn(2)
