"""A bank of random-walk Kalman filters (field guide section 1.1), one per scope and law, all taught sample by sample.

State: three factors on datasheet watts (idle, busy, slope). A sample says m = x . factors + noise, with x the watts of its row at
factors of one. The numbers are the guide's, as multiples of the datasheet's range (maximum - idle), so that the filter is the same
in watts and in kilowatts; for SURF (25 W, 149 W) they are 0.01 W per host and sample, and 10 W per host at the start. Noise is a
share of predicted power, learnt from what the filter gets wrong, so that a quiet meter is followed closely and a noisy one calmly.

Covariances are in units of one step of the random walk (`STEP` squared): between 1 and some millions, so that rounding them to 1e-6
costs nothing and keeps them positive definite. Arrays are scopes x laws (x n (x n)), with n
the number of factors, three or three per host group; every operation is elementwise, or a sum of a few in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from opendt_streams.model import times
from opendt_streams.model.task import Float64, Int64

STEP: Final = 6.7e-5
"""Standard deviation of the random walk per `STEP_MS`, as a multiple of the range."""
STEP_MS: Final = 30 * times.SECOND
PRIOR_STEPS: Final = 1000.0
"""Standard deviation at the start, in steps: 0.067 of the range."""
NOISE: Final = 0.014
"""Standard deviation of a reading at the start, as a share of predicted power."""
LEAST_NOISE, MOST_NOISE = 0.001, 0.05
NOISE_MEMORY: Final = 500
"""Samples over which the noise is learnt: some hours at 30 s."""
CLIP: Final = 3.0
"""Innovations beyond so many standard deviations are cut: a spike says no more than that it was high."""
RUN: Final = 40
"""Samples over which innovations are averaged to see whether they are all on one side."""
WHITE, ECHOING = 1.0, 2.7
"""Mean innovation, in standard deviations, that is no noise any more: the hosts have changed, and the filter must learn anew. The first
where innovations have no memory, so that their mean hardly strays; the second where one is like the next, as on a meter like SURF's."""
ECHO_WEIGHT: Final = 2.4
ECHO_MEMORY: Final = 500
AGAIN_STEPS: Final = 1000.0
"""Standard deviation that is added then."""

BLOCK: Final = 10
"""Samples after which noise and changes are looked at; the factors learn from every one."""

_STEP_SQUARED: Final = STEP * STEP
_KEPT_RUN: Final = 1 - 1 / RUN
_LEAST_W: Final = 1e-9  # hosts that draw nothing teach nothing


@dataclass(slots=True, eq=False)
class Bank:
    """The filters after the samples of `time_ms` (one time per scope, 0 before the first)."""

    time_ms: Int64
    factors: Float64
    covariance: Float64
    noise: Float64
    run: Float64
    echo: Float64
    last: Float64

    def copy(self) -> Bank:
        return Bank(*(column.copy() for column in self.columns))

    @property
    def columns(self) -> tuple[Any, ...]:
        return self.time_ms, self.factors, self.covariance, self.noise, self.run, self.echo, self.last

    def only(self, scope: int) -> Bank:
        """The filters of one scope."""
        one = slice(scope, scope + 1)
        return Bank(*(column[one].copy() for column in self.columns))

    def rounded(self) -> Bank:
        """In the resolution of the topic, from which the next interval goes on."""
        f, c, n, *rest = (np.round(a, 6) for a in (self.factors, self.covariance, self.noise * 100, self.run, self.echo, self.last))
        return Bank(self.time_ms, f, c, n / 100, *rest)

    def put(self, scope: int, other: Bank, its: int) -> None:
        """Take over the filters of one scope from another bank."""
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            mine[scope] = theirs[its]

    def sound(self, scope: int) -> bool:
        """Whether every number is finite and the variances positive."""
        variances = np.diagonal(self.covariance[scope], axis1=1, axis2=2)
        return all(bool(np.isfinite(v[scope]).all()) for v in self.columns) and bool(
            (variances >= 0).all() and (variances[:, ::3] > 0).all()
        )


def begin(prior: Float64, covariance: Float64) -> Bank:
    """Before any sample. `prior` (scopes x laws x n) are the factors to begin with, `covariance` (.. x n) how uncertain they are."""
    scopes, laws, _ = prior.shape
    nothing = np.zeros((scopes, laws))
    return Bank(
        time_ms=np.zeros(scopes, np.int64),
        factors=prior.astype(np.float64),
        covariance=covariance.copy(),
        noise=np.full((scopes, laws), NOISE),
        run=nothing,
        echo=nothing.copy(),
        last=nothing.copy(),
    )


def teach(
    bank: Bank,
    time_ms: Int64,
    measured_w: Float64,
    x: Float64,
    floor_w: Float64,
    believed: Float64,
    walk: Float64,
    stops: Mapping[int, int] | None = None,
) -> dict[int, Bank]:
    """Learn from the samples, in order of time; the bank changes.

    Args:
        time_ms: per sample.
        measured_w: samples x scopes; what is not believed may be anything.
        x: samples x scopes x laws x n: what the parts draw at factors of one.
        floor_w: samples x scopes x laws: noise is a share of predicted power, or of this where it is more.
        believed: samples x scopes, 1 or 0.
        walk: scopes x laws x n x n, covariance of a step of the random walk; 0 for what a law does not have.
        stops: how many samples were taught (by any key) when a copy of the bank is wanted.

    Returns:
        Those copies, by their keys. The random walk goes on with time, not with samples, so a gap makes the next sample weigh more.
    """
    wanted: dict[int, list[int]] = {}
    for key, at in (stops or {}).items():
        wanted.setdefault(at, []).append(key)
    copies: dict[int, Bank] = {}
    usable = np.where(believed > 0, measured_w, 0.0)
    block = list[_Step]()
    for k in range(len(time_ms) + 1):
        if k in wanted:
            _reflect(bank, block, walk)
            for key in wanted[k]:
                copies[key] = bank.copy()
        if k < len(time_ms) and believed[k].any():
            block.append(_update(bank, int(time_ms[k]), usable[k], x[k], floor_w[k], believed[k], walk))
            if len(block) == BLOCK:
                _reflect(bank, block, walk)
    _reflect(bank, block, walk)
    return copies


_Step: TypeAlias = tuple[Float64, Float64, Float64, Float64]
"""Of a sample: 1 or 0 for taught or not, innovation [standard deviations], noise's share of the variance, noise as seen (squared)."""


def _update(bank: Bank, time_ms: int, measured_w: Float64, x: Float64, floor_w: Float64, believed: Float64, walk: Float64) -> _Step:
    new = believed * (time_ms > bank.time_ms)
    use = new[:, None]
    steps = np.where(bank.time_ms > 0, new * (time_ms - bank.time_ms) / STEP_MS, 0.0)
    covariance = bank.covariance
    covariance += steps[:, None, None, None] * walk
    g = _add(covariance * x[:, :, None, :])
    predicted = _add(x * bank.factors)
    level = np.maximum(np.maximum(predicted, floor_w), _LEAST_W)
    noise = bank.noise * level
    noise *= noise
    spread = _STEP_SQUARED * _add(x * g)
    variance = spread + noise
    deviation = np.sqrt(variance)
    innovation = np.minimum(np.maximum((measured_w[:, None] - predicted) / deviation, -CLIP), CLIP)
    shrink = use * (_STEP_SQUARED / variance)
    bank.factors += g * (shrink * innovation * deviation)[:, :, None]
    covariance -= (g * shrink[:, :, None])[:, :, :, None] * g[:, :, None, :]
    bank.time_ms = np.where(new > 0, time_ms, bank.time_ms)
    return use, innovation, noise / variance, (innovation * innovation * variance - spread) / (level * level)


def _reflect(bank: Bank, block: list[_Step], walk: Float64) -> None:
    """What a few samples say about the noise and about changes of the hosts; the block is empty afterwards."""
    if not block:
        return
    use, innovation, part, seen = (np.array(column) for column in zip(*block, strict=True))
    block.clear()
    later = np.cumsum(use[::-1], axis=0)[::-1] - use  # how many taught samples follow in the block
    count = later[0] + use[0]
    # of a squared innovation the noise's own part, as far as the parameters' uncertainty leaves one
    weight = use * part / NOISE_MEMORY
    squared = bank.noise * bank.noise
    squared += _sum(weight * (np.maximum(seen, 0.0) - squared))
    bank.noise = np.minimum(np.maximum(np.sqrt(np.maximum(squared, 0.0)), LEAST_NOISE), MOST_NOISE)
    bank.run = bank.run * _KEPT_RUN**count + _sum(use * innovation * _KEPT_RUN**later) / RUN
    before = np.concatenate([bank.last[None], innovation[:-1]])
    bank.echo = bank.echo + _sum(use * (np.sign(innovation * before) - bank.echo)) / ECHO_MEMORY
    bank.last = np.where(use[-1] > 0, innovation[-1], bank.last)
    changed = np.abs(bank.run) > np.minimum(WHITE + ECHO_WEIGHT * np.maximum(bank.echo, 0.0), ECHOING)
    if changed.any():
        bank.covariance += (changed * (AGAIN_STEPS * AGAIN_STEPS))[:, :, None, None] * walk
        bank.run[changed] = 0.0


def _sum(terms: Float64) -> Float64:
    """Over the first axis, one after another."""
    return np.asarray(np.cumsum(terms, axis=0)[-1])


def _add(terms: Float64) -> Float64:
    """Over the last axis, which is short: one after another up to eight, always the same way beyond."""
    return np.asarray(np.add.reduce(terms, axis=-1))


def diagonal(values: Float64) -> Float64:
    """A diagonal matrix for each last axis."""
    out = np.zeros((*values.shape, values.shape[-1]))
    for i in range(values.shape[-1]):
        out[..., i, i] = values[..., i]
    return out
