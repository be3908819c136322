"""Quantities as OpenDC's files write them: bare numbers in MHz, MiB and W, or text with a unit such as "3.2 GHz" or "64 Gigabytes".

Which spellings there are, and what each means, is taken from OpenDC v2.4f (opendc-common, package units): the same patterns in the same
order, the same operations on the number. In memory sizes case matters: a small b is a bit, so "64 Gb" is an eighth of "64 GB". In
frequencies and powers it does not: "3200 mhz" is 3200 MHz, and there is no milli.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from functools import partial
from operator import mul
from typing import Final, TypeAlias

from opendt_streams.errors import BadInput
from opendt_streams.model.opendc_fields import parse_double

FREQUENCY: Final = "a frequency: a number of MHz, or text such as '3.2 GHz'"
POWER: Final = "a power: a number of watts, or text such as '0.4 KW'"
MEMORY: Final = "a memory size: a number of MiB, or text such as '64 GiB' (a small b is a bit)"

DATA_RATE: Final = "a data rate: a number of Kibps, or text such as '5 Gbps'"

_Spellings: TypeAlias = tuple[tuple[re.Pattern[str], Callable[[float], float]], ...]

_NUMBER: Final = r"\s*([\de.-]+)\s*?"
_BITS: Final = r"\s*(?:b|(?:bit|Bit)(?:|s))\s?"
_BYTES: Final = r"\s*(?:B|(?:byte|Byte)(?:|s))\s?"
_HERTZ: Final = r"\s*(?:Hz|Hertz|hz|hertz)\s*?"
_WATTS: Final = r"\s*(?:w|watts|W|Watts)\s*?"
_KILO: Final = r"\s*(?:K|Kilo|k|kilo)\s*?"
_MEGA: Final = r"\s*(?:M|Mega|m|mega)\s*?"
_GIGA: Final = r"\s*(?:G|Giga|g|giga)\s*?"
_TERA: Final = r"\s*(?:T|Tera|t|tera)\s*?"
_KIBI: Final = r"\s*(?:Ki|Kibi|ki|kibi)\s?"
_MEBI: Final = r"\s*(?:Mi|Mebi|mi|mebi)\s*?"
_GIBI: Final = r"\s*(?:Gi|Gibi|gi|gibi)\s*?"
_TEBI: Final = r"\s*(?:Ti|Tebi|ti|tebi)\s*?"


def _spelling(*parts: str, ignore_case: bool = False) -> re.Pattern[str]:
    return re.compile(_NUMBER + "".join(parts), re.ASCII | (re.IGNORECASE if ignore_case else re.ASCII))


def _of_bytes(number: float) -> float:
    return number / 1024 / 1024


def _of_bits(number: float) -> float:
    return number / 1024 / 1024 / 8


def _thousands(number: float, times: int) -> float:
    """One multiplication after the other, as OpenDC does it: 1e3 x 1e3 x number is another double now and then."""
    for _ in range(times):
        number *= 1e3
    return number


_FREQUENCIES: Final[_Spellings] = (
    (_spelling(_HERTZ, ignore_case=True), lambda n: n / 1e6),
    (_spelling(_KILO, _HERTZ, ignore_case=True), lambda n: n / 1e3),
    (_spelling(_MEGA, _HERTZ, ignore_case=True), lambda n: n),
    (_spelling(_GIGA, _HERTZ, ignore_case=True), lambda n: n * 1e3),
)
_POWERS: Final[_Spellings] = (
    (_spelling(_WATTS, ignore_case=True), lambda n: n),
    (_spelling(_KILO, _WATTS, ignore_case=True), lambda n: n * 1000.0),
)
_MEMORIES: Final[_Spellings] = (
    (_spelling(_BITS), _of_bits),
    (_spelling(_BYTES), _of_bytes),
    (_spelling(_KIBI, _BITS), lambda n: n / 1024 / 8),
    (_spelling(_KILO, _BITS), lambda n: _of_bits(_thousands(n, 1))),
    (_spelling(_KIBI, _BYTES), lambda n: n / 1024),
    (_spelling(_KILO, _BYTES), lambda n: _of_bytes(_thousands(n, 1))),
    (_spelling(_MEBI, _BITS), lambda n: n / 8),
    (_spelling(_MEGA, _BITS), lambda n: _of_bits(_thousands(n, 2))),
    (_spelling(_MEBI, _BYTES), lambda n: n),
    (_spelling(_MEGA, _BYTES), lambda n: _of_bytes(_thousands(n, 2))),
    (_spelling(_GIBI, _BITS), lambda n: n * 1024 / 8),
    (_spelling(_GIGA, _BITS), lambda n: _of_bits(_thousands(n, 3))),
    (_spelling(_GIBI, _BYTES), lambda n: n * 1024),
    (_spelling(_GIGA, _BYTES), lambda n: _of_bytes(_thousands(n, 3))),
    (_spelling(_TEBI, _BITS), lambda n: n * 1024 * 1024 / 8),
    (_spelling(_TERA, _BITS), lambda n: _of_bits(_thousands(n, 4))),
    (_spelling(_TEBI, _BYTES), lambda n: n * 1024 * 1024),
    (_spelling(_TERA, _BYTES), lambda n: _of_bytes(_thousands(n, 4))),
)
_PER_SECOND: Final = r"\s*(?:p|per|/)\s*?" + r"\s*(?:s|sec|Sec|second|Second)\s*?"
_DATA_RATES: Final[_Spellings] = tuple(
    (_spelling(prefix, size, _PER_SECOND), partial(mul, factor * bits))
    for prefix, factor in (("", 1), (_KIBI, 1024), (_KILO, 1e3), (_MEBI, 1024**2), (_MEGA, 1e6), (_GIBI, 1024**3), (_GIGA, 1e9))
    for size, bits in ((_BITS, 1), (_BYTES, 8))
)
_IN_BITS: Final = re.compile(_NUMBER + f"(?:{_KIBI}|{_KILO}|{_MEBI}|{_MEGA}|{_GIBI}|{_GIGA}|{_TEBI}|{_TERA})?" + _BITS, re.ASCII)
_LARGEST_LONG: Final = 2**63 - 1
_ESCAPED: Final = re.compile(r'[\x00-\x1f"\\]')  # OpenDC looks at the text as JSON writes it: these are backslashes there


def is_finite(number: float) -> bool:
    """Also for integers that no float can hold."""
    return -sys.float_info.max <= number <= sys.float_info.max


def megahertz(value: object) -> float:
    return _quantity(value, _FREQUENCIES, FREQUENCY)


def watts(value: object) -> float:
    return _quantity(value, _POWERS, POWER)


def mebibytes(value: object) -> int:
    """Whole MiB; OpenDC cuts the fraction off (opendc-semantics section 4)."""
    return max(min(int(_quantity(value, _MEMORIES, MEMORY)), _LARGEST_LONG), -_LARGEST_LONG - 1)


def bits_per_second(value: object) -> float:
    """Of a GPU's memory, which nothing here reads; a bare number is in Kibit/s."""
    return _quantity(value, _DATA_RATES, DATA_RATE)


def in_bits(value: object) -> bool:
    """Whether a memory size is given in bits, which few who write so mean."""
    return isinstance(value, str) and _IN_BITS.fullmatch(value) is not None


def _quantity(value: object, spellings: _Spellings, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadInput(f"{value!r} is not a quantity", expected=expected)
    number = _of_text(value, spellings) if isinstance(value, str) else float(value) if is_finite(value) else math.nan
    if number is None:
        raise BadInput(f"{value!r} is not a quantity", expected=expected)
    if not math.isfinite(number):
        raise BadInput(f"{value!r} is not finite", expected=expected)
    return number


def _of_text(text: str, spellings: _Spellings) -> float | None:
    if _ESCAPED.search(text):
        return None
    bare = text.strip(" ")
    number = None if " " in bare else parse_double(bare)
    if number is not None and math.isfinite(number):
        return number
    for pattern, convert in spellings:
        if match := pattern.fullmatch(text):
            number = parse_double(match[1])
            return None if number is None else convert(number)
    return None
