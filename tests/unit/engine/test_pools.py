"""Placement since v2.4g, step by step as opendc-semantics section 13 words it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendt_streams.engine.native.hosts import Hosts, expand
from opendt_streams.engine.native.placement.pools import PooledPlacement
from opendt_streams.model.topology import Topology
from tests.unit.engine.workloads import datacenter, host_group, topologies

POLICIES = [
    "Mem",
    "MemInv",
    "CoreMem",
    "CoreMemInv",
    "ActiveServers",
    "ActiveServersInv",
    "ProvisionedCores",
    "ProvisionedCoresInv",
    "Random",
]
requests = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 100, 300, 600, 900]), st.booleans()), max_size=30)


class Literal:
    """The text of section 13, word by word."""

    def __init__(self, hosts: Hosts, policy: str) -> None:
        self.policy = policy
        self.cores: list[int] = hosts.cores.tolist()
        self.free: list[tuple[int, int]] = list(zip(self.cores, hosts.memory_mib.tolist(), strict=True))
        self.tasks = [0] * len(hosts)
        names = [g.group.name for g in hosts.groups for _ in range(g.group.count)]
        self.kind = names
        self.empty: dict[str, list[int]] = {}
        for host, name in enumerate(names):
            self.empty.setdefault(name, []).append(host)
        self.used: list[int] = []
        self.acc = [0.0] * len(hosts)

    def insert(self, host: int) -> None:
        low, high = 0, len(self.used) - 1
        while low <= high:
            mid = (low + high) // 2
            if self.free[self.used[mid]] == self.free[host]:
                self.used.insert(mid, host)
                return
            if self.free[self.used[mid]] < self.free[host]:
                low = mid + 1
            else:
                high = mid - 1
        self.used.insert(low, host)

    def weight(self, h: int) -> float:
        match self.policy.removesuffix("Inv"):
            case "Mem":
                return self.free[h][1]
            case "CoreMem":
                return self.sign * (self.free[h][1] / self.cores[h])
            case "ActiveServers":
                return self.tasks[h]
            case _:
                return 1 - (self.cores[h] - self.free[h][0])

    @property
    def sign(self) -> int:
        inverse = self.policy.endswith("Inv")
        return (1 if inverse else -1) if self.policy.startswith("Active") else (-1 if inverse else 1)

    def place(self, cores: int, memory: int) -> int | None:
        first_of_types = [pool[0] for pool in self.empty.values() if pool]
        candidates = [h for h in (*self.used, *first_of_types) if cores <= self.free[h][0] and memory <= self.free[h][1]]
        if not candidates:
            return None
        choice = 0
        if self.policy != "Random":
            w = [self.weight(h) for h in candidates]
            low, high = min(w), max(*w, 4.9e-324)
            if high != low:
                best = 4.9e-324
                for i in range(len(candidates)):
                    self.acc[i] += self.sign / (high - low) * (w[i] - low)
                    if self.acc[i] > best:
                        choice, best = i, w[i]
        host = candidates[choice]
        if host in self.empty[self.kind[host]]:
            self.empty[self.kind[host]].remove(host)
            self.insert(host)
        self.free[host] = self.free[host][0] - cores, self.free[host][1] - memory
        self.tasks[host] += 1
        self.used.remove(host)
        self.insert(host)
        return host

    def end(self, host: int, cores: int, memory: int) -> None:
        self.free[host] = self.free[host][0] + cores, self.free[host][1] + memory
        self.tasks[host] -= 1
        self.used.remove(host)
        if self.tasks[host]:
            self.insert(host)
        else:
            self.empty[self.kind[host]].append(host)


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=60, deadline=None)
@given(topology=topologies(), work=requests)
def test_hosts_are_chosen_as_the_text_says(policy: str, topology: Topology, work: list[tuple[int, int, bool]]) -> None:
    hosts = expand(topology)
    mine, expected = PooledPlacement(hosts, policy), Literal(hosts, policy)
    placed: list[tuple[int, int, int]] = []
    for cores, memory, end_one in work:
        if end_one and placed:
            mine.give(*placed[0])
            expected.end(*placed.pop(0))
        host = mine.best(cores, memory)
        assert host == expected.place(cores, memory)
        if host is not None:
            mine.take(host, cores, memory)
            placed.append((host, cores, memory))


def test_scores_that_are_no_numbers_survive_a_checkpoint() -> None:
    hosts = expand(datacenter(host_group(count=3)))
    placement = PooledPlacement(hosts, "ActiveServers")
    assert placement.best(1, 1) == 0  # all weights are 0: the factor is infinite, the scores are no numbers from now on
    state = json.loads(json.dumps(placement.state(), allow_nan=False))
    assert state["accumulated"] == ["nan"]
    other = PooledPlacement(hosts, "ActiveServers")
    other.resume(state)
    assert math.isnan(float(other._accumulated[0]))
