"""Whatever is asked, the answer is data or one line of text, never an error of ours."""

from __future__ import annotations

from random import Random

from tests.unit.api.site import SITE, T0
from tests.unit.graphite.lively import END, client_of

REQUESTS = 400
WORDS = [
    *("opendt", SITE, "*", "{a,b}", "{", "}", "[", "]", "?", ".", "..", "'", '"', "(", ")", ",", " ", "\\", "%2E", "\x00", "é", "$x", "#A"),
    *("alias(", "scale(", "integral(", "aliasByNode(", "keepLastValue(", "constantLine(", "aliasSub(", "state.*", "simulated_power_w"),
    *(
        "-1",
        "1e308",
        "1e999",
        "nan",
        "0",
        "99999999999",
        "now",
        "-6h",
        "-6m",
        "20221006",
        "00:00_20221006",
        str(T0 // 1_000),
        str(END // 1_000),
    ),
]
NAMES = ["target", "from", "until", "maxDataPoints", "format", "query", "tags", "cacheTimeout"]
WAYS = ["render", "metrics/find", "metrics/expand", "events/get_data", "functions", "tags/autoComplete/values"]


async def test_anything_gets_an_answer() -> None:
    rng = Random(1)
    seen: dict[int, int] = {}
    async with client_of() as client:
        for _ in range(REQUESTS):
            path = f"/graphite/{rng.choice(WAYS)}"
            asked: list[tuple[str, str | int | float | bool | None]] = [
                (rng.choice(NAMES), "".join(rng.choices(WORDS, k=rng.randrange(1, 6)))) for _ in range(rng.randrange(5))
            ]
            asked += [("target", f"opendt.{SITE}.{rng.choice(WORDS)}")] * rng.randrange(2)
            if rng.random() < 0.5 and path.split("/")[2] in ("render", "metrics"):
                found = await client.post(path, data=dict(asked))
            else:
                found = await client.get(path, params=asked)
            assert found.status_code in (200, 422), (path, asked, found.text)
            if found.status_code == 200:
                found.json()
            seen[found.status_code] = seen.get(found.status_code, 0) + 1
    assert min(seen[200], seen[422]) > 40
