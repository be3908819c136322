from __future__ import annotations

from collections.abc import Callable

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.model.units import bits_per_second, in_bits, mebibytes, megahertz, watts


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (megahertz, 2100, 2100.0),
        (megahertz, 2100.5, 2100.5),
        (megahertz, "2100", 2100.0),
        (megahertz, " 2.1e3 ", 2100.0),
        (megahertz, "3.2 GHz", 3200.0),
        (megahertz, "3.2 gigahertz", 3200.0),
        (megahertz, "  2100   mhz ", 2100.0),
        (megahertz, "2.1e3MHz", 2100.0),
        (megahertz, "2.1E3 MEGAHERTZ", 2100.0),
        (megahertz, "3.2 mHz", 3.2),
        (megahertz, "500000 Hz", 0.5),
        (megahertz, "500 K Hertz", 0.5),
        (watts, 400, 400.0),
        (watts, "400", 400.0),
        (watts, "0.4 KW", 400.0),
        (watts, "0.4 kilowatts", 400.0),
        (watts, "400 W", 400.0),
        (watts, "400 Watts", 400.0),
        (mebibytes, 128_000_000, 128_000_000),
        (mebibytes, "128000000", 128_000_000),
        (mebibytes, 1.9, 1),
        (mebibytes, "64 GiB", 65_536),
        (mebibytes, "64 GiBytes", 65_536),
        (mebibytes, "64 Gi B", 65_536),
        (mebibytes, "64 Gigabytes", 61_035),
        (mebibytes, "64 Gb", 7_629),
        (mebibytes, "64 Gigabits", 7_629),
        (mebibytes, "64 Gib", 8_192),
        (mebibytes, "64 gB", 61_035),
        (mebibytes, "1 TiB", 1_048_576),
        (mebibytes, "1 tb", 119_209),
        (mebibytes, "1 GB", 953),
        (mebibytes, "549755813888 bytes", 524_288),
        (mebibytes, "1048576 B", 1),
        (mebibytes, "1024 KiB", 1),
        (mebibytes, "1e20 GB", 2**63 - 1),
        (mebibytes, "-5 MB", -4),
        (bits_per_second, "5 Gbps", 5e9),
        (bits_per_second, "5 GB/s", 4e10),
        (bits_per_second, "2 KiBytes per second", 16_384.0),
    ],
)
def test_quantities(read: Callable[[object], float], value: object, expected: float) -> None:
    assert read(value) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("read", [megahertz, watts, mebibytes])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "fast",
        "3.2 parsecs",
        "GHz",
        "1,5 GHz",
        True,
        None,
        [1],
        "0x10 W",
        "nan W",
        "1 2",
        "3.2.1 W",
        "- MB",
        "+5 GHz",
        "5\tMB",
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(read: Callable[[object], float], value: object) -> None:
    with pytest.raises(BadInput, match="is not a quantity; expected a"):
        read(value)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (megahertz, "1 THz"),
        (watts, "2 MW"),
        (watts, "400 mW"),
        (watts, "350 Watt"),
        (mebibytes, "1 PB"),
        (mebibytes, "64 GIB"),
        (mebibytes, "64 G"),
    ],
)
def test_what_opendc_has_no_unit_for_is_refused(read: Callable[[object], float], value: str) -> None:
    with pytest.raises(BadInput, match="is not a quantity"):
        read(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "1e999 W", "1e308 KW"])
def test_what_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="is not finite"):
        watts(value)


def test_bits_are_told_from_bytes() -> None:
    assert [in_bits(size) for size in ("256 Gb", "8e9 bits", "5 Mibit", "256 GB", "64 GiB", "1 b", 256)] == [
        True,
        True,
        True,
        False,
        False,
        True,
        False,
    ]
