"""A search among random worlds: `python -m tests.unit.twin.search SECONDS [FIRST_SEED] [native]`.

It says what it found, with the shortest schedule of each kind; `native` puts our own engine in the place of the stub.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from random import Random
from typing import Final

from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.port import EngineKind
from tests.unit.twin.checks import violations
from tests.unit.twin.scenario import Faults, scenario
from tests.unit.twin.workers import STUB_ENGINES
from tests.unit.twin.world import World

NAMES: Final = tuple(f.name for f in fields(Faults))
MIXES: Final = tuple(Faults(**dict(zip(NAMES, bits, strict=True))) for bits in itertools.product((False, True), repeat=len(NAMES)))


def check(rng: Random, instants: int, faults: Faults, engines: EngineKind = STUB_ENGINES) -> tuple[list[str], World]:
    """One random world and what is wrong with it."""
    world = World(scenario(rng, instants, faults), paced=faults.paced, engines=engines)
    finished = world.run(rng, faults)
    return violations(world, rng, faults, finished), world


def seeded(seed: int, fixed: Mapping[str, bool], engines: EngineKind = STUB_ENGINES) -> tuple[list[str], World, Faults]:
    rng = Random(seed)
    mix = rng.choice(MIXES)
    faults = Faults(**{name: fixed.get(name, getattr(mix, name)) for name in NAMES})
    return (*check(rng, rng.choice([1, 2, 2, 3, 4]), faults, engines), faults)


@dataclass(frozen=True, slots=True)
class Found:
    steps: int
    seed: int
    words: str
    faults: Faults


def search(seconds: float, first_seed: int = 0, engines: EngineKind = STUB_ENGINES) -> tuple[int, Counter[str], dict[str, Found]]:
    """(worlds tried, violations by kind, the shortest of each kind)."""
    found: dict[str, Found] = {}
    counts: Counter[str] = Counter()
    until, seed = time.monotonic() + seconds, first_seed
    while time.monotonic() < until:
        bad, world, faults = seeded(seed, {}, engines)
        for words in bad:
            kind = " ".join(words.split()[:2])
            counts[kind] += 1
            if kind not in found or len(world.trace) < found[kind].steps:
                found[kind] = Found(len(world.trace), seed, words, faults)
        seed += 1
    return seed - first_seed, counts, found


def main(arguments: list[str]) -> int:
    engines = NATIVE if "native" in arguments else STUB_ENGINES
    seconds, *first_seed = (int(a) for a in arguments if a != "native")
    tried, counts, found = search(seconds, first_seed[0] if first_seed else 0, engines)
    sys.stdout.write(f"{tried} worlds, {counts.total()} violations\n")
    for kind, example in found.items():
        on = [name for name in NAMES if getattr(example.faults, name)]
        sys.stdout.write(f"{counts[kind]:6} x  seed {example.seed}, {example.steps} steps: {example.words[:200]}  {on}\n")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
