"""An answer of OpenDC's, and which later questions it answers as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import PowerRows
from opendt_streams.engine.port import Submission


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    problem: Problem
    rows: PowerRows

    def answers(self, asked: Problem) -> bool:
        """Whether its rows up to `asked.until_ms` are those of `asked`.

        They are if nothing that counts before is different. What this run knew beyond that changes nothing before it is submitted:
        causality (opendc-semantics section 14.3).
        """
        return asked.until_ms <= self.rows.until_ms and same_but_later(asked, self.problem, asked.until_ms)


def same_but_later(asked: Problem, known: Problem, until_ms: int) -> bool:
    """Whether the two differ in nothing that is submitted before `until_ms`."""
    same_setting = (asked.origin_ms, asked.interval_ms, asked.policy) == (known.origin_ms, known.interval_ms, known.policy)
    if not same_setting or asked.topology != known.topology or dict(asked.carbon) != dict(known.carbon):
        return False
    return _before(asked.submissions, until_ms) == _before(known.submissions, until_ms)


def _before(submissions: Sequence[Submission], until_ms: int) -> list[tuple[int, int]]:
    return [(s.reference, s.at_ms) for s in submissions if s.at_ms < until_ms]
