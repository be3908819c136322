from __future__ import annotations

from collections.abc import Callable

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model.units import mebibytes, megahertz, watts


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (megahertz, 2100, 2100.0),
        (megahertz, 2100.5, 2100.5),
        (megahertz, "3.2 GHz", 3200.0),
        (megahertz, "  2100   mhz ", 2100.0),
        (megahertz, "2.1e3MHz", 2100.0),
        (megahertz, "1 THz", 1e6),
        (megahertz, "500000 Hz", 0.5),
        (watts, 400, 400.0),
        (watts, "0.4 KW", 400.0),
        (watts, "400 W", 400.0),
        (watts, "400 mW", 0.4),
        (watts, "2 MW", 2e6),
        (watts, "1 GW", 1e9),
        (mebibytes, 128_000_000, 128_000_000),
        (mebibytes, 1.9, 1),
        (mebibytes, "64 GiB", 65_536),
        (mebibytes, "1 TiB", 1_048_576),
        (mebibytes, "1 GB", 953),
        (mebibytes, "1048576 B", 1),
        (mebibytes, "1024 KiB", 1),
    ],
)
def test_quantities(read: Callable[[object], float], value: object, expected: float) -> None:
    assert read(value) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("read", [megahertz, watts, mebibytes])
@pytest.mark.parametrize("value", ["", "fast", "3.2", "3.2 parsecs", "GHz", "1,5 GHz", True, None, [1], "0x10 W", "nan W"])
def test_what_is_no_quantity_is_refused_with_an_example(read: Callable[[object], float], value: object) -> None:
    with pytest.raises(BadInput, match="is not a quantity; expected a"):
        read(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "1e999 W", "1e305 MW"])
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="is not finite"):
        watts(value)
