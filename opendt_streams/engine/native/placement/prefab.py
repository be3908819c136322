"""OpenDC's prefab allocation policies: one weigher each (opendc-semantics section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from opendt_streams.engine.native.placement.listed import ListedPolicy
from opendt_streams.errors import BadInput

Policy: TypeAlias = str | ListedPolicy
"""The name of a prefab policy, or one whose filters and weighers a user listed."""

# (free memory [MiB], reserved cores, tasks on the host, cores of the host) -> raw weight.
_Weight: TypeAlias = Callable[[int, int, int, int], float]


@dataclass(frozen=True, slots=True)
class Weigher:
    """OpenDC scores weights with the sign, those of CoreMemInv are negative beforehand: so CoreMem and CoreMemInv behave alike."""

    weight: _Weight
    sign: int


WEIGHERS: Final = {
    "Mem": Weigher(lambda memory, reserved, tasks, cores: memory, 1),
    "MemInv": Weigher(lambda memory, reserved, tasks, cores: memory, -1),
    "CoreMem": Weigher(lambda memory, reserved, tasks, cores: memory / cores, 1),
    "CoreMemInv": Weigher(lambda memory, reserved, tasks, cores: -(memory / cores), -1),
    "ActiveServers": Weigher(lambda memory, reserved, tasks, cores: tasks, -1),
    "ActiveServersInv": Weigher(lambda memory, reserved, tasks, cores: tasks, 1),
    "ProvisionedCores": Weigher(lambda memory, reserved, tasks, cores: 1 - reserved, 1),
    "ProvisionedCoresInv": Weigher(lambda memory, reserved, tasks, cores: 1 - reserved, -1),
}
# Sign x weight, spelled out because each is called once or twice per task.
SCORES: Final[dict[str, _Weight]] = {
    "Mem": lambda memory, reserved, tasks, cores: memory,
    "MemInv": lambda memory, reserved, tasks, cores: -memory,
    "CoreMem": lambda memory, reserved, tasks, cores: memory / cores,
    "CoreMemInv": lambda memory, reserved, tasks, cores: memory / cores,
    "ActiveServers": lambda memory, reserved, tasks, cores: -tasks,
    "ActiveServersInv": lambda memory, reserved, tasks, cores: tasks,
    "ProvisionedCores": lambda memory, reserved, tasks, cores: 1 - reserved,
    "ProvisionedCoresInv": lambda memory, reserved, tasks, cores: reserved - 1,
}
MOST_MEMORY_FIRST: Final = {"Mem", "CoreMem", "CoreMemInv"}
RANDOM: Final = "Random"
_UNSUPPORTED: Final = ("TaskNumMemorizing", "Timeshift", "ProvisionedCpuGpuCores", "ProvisionedCpuGpuCoresInv", "GpuTaskMemorizing")


def check_policy(policy: Policy, semantics: str = "2.4f") -> None:
    """
    Raises:
        BadInput: the native engine does not have it.
    """
    if isinstance(policy, ListedPolicy):
        if semantics != "2.4f":
            what = f"with the semantics {semantics} the native engine does not have allocation policies of type 'filter'"
            raise BadInput(what, expected="a prefab policy")
        return
    name = policy
    if name in SCORES or name == RANDOM:
        return
    known = "one of " + ", ".join([*SCORES, RANDOM])
    if name in _UNSUPPORTED:
        raise BadInput(f"the native engine does not have the allocation policy {name}", expected=known)
    raise BadInput(f"unknown allocation policy {name!r}", expected=known)
