"""Where a task goes: OpenDC's allocation policies."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from opendt_streams.engine.native.hosts import Hosts
from opendt_streams.engine.native.placement.contract import Placement
from opendt_streams.engine.native.placement.listed import random_policy
from opendt_streams.engine.native.placement.pools import PooledPlacement
from opendt_streams.engine.native.placement.prefab import RANDOM, Policy, check_policy
from opendt_streams.engine.native.placement.ranked import RankedPlacement
from opendt_streams.engine.native.placement.scan import ScanPlacement
from opendt_streams.errors import BadInput

__all__ = ["SEMANTICS", "Placement", "Policy", "Semantics", "check_policy", "check_semantics", "placement"]

Semantics: TypeAlias = Literal["2.4f", "2.4g+"]
SEMANTICS: Final[tuple[str, ...]] = get_args(Semantics)


def placement(hosts: Hosts, policy: Policy, semantics: str = "2.4f", seed: int = 0) -> Placement:
    """A datacenter without tasks.

    Raises:
        BadInput: the native engine does not have this policy or these semantics.
    """
    check_semantics(semantics)
    check_policy(policy, semantics)
    if isinstance(policy, str):
        if semantics == "2.4g+":
            return PooledPlacement(hosts, policy)
        return ScanPlacement(hosts, random_policy(), seed) if policy == RANDOM else RankedPlacement(hosts, policy)
    return ScanPlacement(hosts, policy, seed)


def check_semantics(name: str) -> None:
    if name not in SEMANTICS:
        raise BadInput(f"the native engine does not have the semantics {name!r}", expected="one of " + ", ".join(SEMANTICS))
