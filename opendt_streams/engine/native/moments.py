"""When OpenDC did something, or entered something in its queue: the order on which everything at one instant depends.

OpenDC has one queue, ordered by time, then by when an entry was made (docs/engine.md). What is entered while something is done has
the moment of that doing.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Moment: TypeAlias = tuple[int, int]
"""(instant [ms], how many things had been done at it before). An engine run that is the first at its instant has FIRST there."""

FIRST: Final = -1
EARLIEST: Final[Moment] = (-(2**63), FIRST)
NEVER_MS: Final = 2**63
