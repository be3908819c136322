from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendt_streams.calibration.projection import Covariance, Projected, Vector, is_positive_definite, project
from opendt_streams.model.task import Float64

LOWER: Vector = (0.6, 0.0, 0.4)
UPPER: Vector = (2.4, 0.6, 1.35)
coordinates = st.floats(-4, 6).map(lambda x: round(x, 3))
points = st.tuples(coordinates, coordinates, coordinates)


@st.composite
def covariances(draw: st.DrawFn) -> Covariance:
    """Positive definite, from almost spherical to needles."""
    a = np.array([[draw(st.floats(-1, 1)) for _ in range(3)] for _ in range(3)])
    c = a @ a.T + draw(st.sampled_from([1e-4, 1e-2, 1.0])) * np.eye(3)
    return c[0, 0], c[0, 1], c[0, 2], c[1, 1], c[1, 2], c[2, 2]


def matrix(c: Covariance) -> Float64:
    return np.array([[c[0], c[1], c[2]], [c[1], c[3], c[4]], [c[2], c[4], c[5]]])


def distance(x: object, point: Vector, covariance: Covariance) -> float:
    d = np.asarray(x) - np.array(point)
    return math.sqrt(max(0.0, float(d @ np.linalg.solve(matrix(covariance), d))))


@given(points, covariances())
def test_it_is_in_the_box_and_says_how_far_the_data_is(point: Vector, covariance: Covariance) -> None:
    found = project(point, covariance, LOWER, UPPER)
    for x, side, lo, hi in zip(found.point, found.sides, LOWER, UPPER, strict=True):
        assert lo <= x <= hi
        assert x == (lo if side < 0 else hi if side > 0 else x)
    assert found.distance == pytest.approx(distance(found.point, point, covariance), rel=1e-4, abs=1e-6)


@given(points, covariances(), st.integers(0, 2**32 - 1))
def test_no_other_point_of_the_box_is_nearer(point: Vector, covariance: Covariance, seed: int) -> None:
    found = project(point, covariance, LOWER, UPPER)
    rng = np.random.default_rng(seed)
    anywhere = rng.uniform(LOWER, UPPER, (100, 3))
    close_by = np.clip(np.array(found.point) + rng.normal(0, 1e-3, (100, 3)), LOWER, UPPER)
    for other in (*anywhere, *close_by):
        assert distance(other, point, covariance) >= found.distance * (1 - 1e-6) - 1e-9


@given(covariances(), st.tuples(st.floats(0.6, 2.4), st.floats(0, 0.6), st.floats(0.4, 1.35)))
def test_a_point_of_the_box_stays_where_it_is(covariance: Covariance, point: Vector) -> None:
    assert project(point, covariance, LOWER, UPPER) == Projected(point, (0, 0, 0), 0.0)


def test_what_is_known_about_the_others_moves_them_too() -> None:
    # idle and busy are known only in sum: pushing idle up by 0.1 must take as much from busy, which clipping would not
    found = project((0.5, 0.3, 1.0), (1.0, -0.999, 0.0, 1.0, 0.0, 1.0), LOWER, UPPER)
    assert found.point == pytest.approx((0.6, 0.2001, 1.0))
    assert found.sides == (-1, 0, 0)


def test_a_singular_covariance_clips() -> None:
    flat = (1.0, 1.0, 0.0, 1.0, 0.0, 0.0)
    assert not is_positive_definite(flat)
    assert project((0.5, 0.7, 1.0), flat, LOWER, UPPER).point == (0.6, 0.6, 1.0)
