"""Filters and weighers that a user lists by OpenDC's names: allocation policies of type `filter` (opendc-semantics section 6).

A host is a candidate if every filter lets it pass. Each weigher's weights are scaled to [0, multiplier] over the candidates and added; one
of the `subset_size` best is chosen at random. Names, fields and defaults are those of OpenDC v2.4f's experiment files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

FilterName: TypeAlias = Literal["Compute", "SameHost", "DifferentHost", "InstanceCount", "Ram", "VCpuCapacity", "VCpu"]
WeigherName: TypeAlias = Literal["Ram", "CoreRam", "InstanceCount", "VCpuCapacity", "VCpu"]

FILTER_NAMES: Final[tuple[FilterName, ...]] = get_args(FilterName)
WEIGHER_NAMES: Final[tuple[WeigherName, ...]] = get_args(WeigherName)
ALL: Final = 2**31 - 1
"""A subset size without bound."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`limit`: most tasks on a host (InstanceCount), or how far it is over-committed (Ram, VCpu); others have none.

    Compute lets hosts pass that are up; SameHost and DifferentHost follow hints that no trace format carries: all of ours pass.
    """

    name: FilterName
    limit: float = 1.0


@dataclass(frozen=True, slots=True)
class ListedWeigher:
    name: WeigherName
    multiplier: float = 1.0


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    filters: tuple[Filter, ...] = (Filter("Compute"),)
    weighers: tuple[ListedWeigher, ...] = ()
    subset_size: int = 1


def random_policy() -> ListedPolicy:
    """What the prefab policy Random is made of."""
    return ListedPolicy((Filter("Compute"), Filter("VCpu"), Filter("Ram", 1.5)), subset_size=ALL)
