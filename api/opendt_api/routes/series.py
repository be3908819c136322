"""Power, energy, carbon, utilisation, errors and tasks over a range of event time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import orjson
import pandas as pd
import pyarrow as pa
from fastapi import APIRouter, Header
from fastapi import Query as Asked
from pydantic import BaseModel, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from opendt_api import parameters as p
from opendt_api.context import Site
from opendt_api.problems import ProblemError
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.projection.series import UNITS, Answer, Query, answer, iso_times
from opendt_streams.settings import duration_text

router = APIRouter(prefix="/api/v1", tags=["series"])
ARROW: Final = "application/vnd.apache.arrow.stream"
_QUICK: Final = 5_000  # values that are written sooner than a thread would have begun
Kind = Literal["json", "csv", "arrow"]
_MEDIA: Final[dict[Kind, str]] = {"json": "application/json", "csv": "text/csv; charset=utf-8", "arrow": ARROW}

_NAMES: Final = "|".join(UNITS)
_METRICS: Final = f"^({_NAMES})(,({_NAMES})){{0,{len(UNITS) - 1}}}$"
Metrics = Annotated[str, Asked(alias="metric", pattern=_METRICS, description="Names, joined by commas.", examples=["carbon_g,utilisation"])]
Cluster = Annotated[str | None, Asked(max_length=200, description="Default: the whole datacenter."), p.text_schema(200)]


Format = Annotated[Kind | None, Asked(alias="format"), WithJsonSchema({"enum": list(_MEDIA)})]


class SeriesDocument(BaseModel):
    """`time`: ends of the buckets; null in a column where nothing is known.

    The range is cut to what is known; `resolution` is that of the answer, which is no finer than the rows of the results.
    """

    datacenter: str = Field(examples=["SURF"])
    resolution: str = Field(examples=["5m"])
    units: dict[str, str] = Field(examples=[{"simulated_power_w": "W"}])
    time: list[str] = Field(examples=[["2022-10-07T00:05:00Z"]])
    columns: dict[str, list[float | None]] = Field(examples=[{"simulated_power_w": [19350.2]}])


_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {200: {"model": SeriesDocument, "content": {"text/csv": {}, ARROW: {}}}}


@router.get("/datacenters/{dc}/series", response_model=None, responses=_ANSWERS)
async def series(
    site: Site,
    metric: Metrics = "simulated_power_w,measured_power_w",
    from_: p.From = None,
    to: p.Time = None,
    resolution: p.Resolution = "5m",
    cluster: Cluster = None,
    branch: Annotated[str, Asked(max_length=80)] = MAIN,
    format_: Format = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """Metrics in buckets: means, but sums of energy, carbon and completed tasks. Default range: the newest 24 h."""
    if branch != MAIN:
        raise ProblemError(404, f"no series of branch {branch!r}", hint="What-if runs have no series here; main has.")
    query = _query(site.progress.newest_end_ms, metric, from_, to, resolution, cluster)
    found = answer(site, query)
    kind: Kind = format_ if format_ is not None else _accepted(accept)
    if len(found.time_ms) * len(found.columns) <= _QUICK:
        return Response(_RENDER[kind](site.name, found), media_type=_MEDIA[kind])
    content = await run_in_threadpool(_RENDER[kind], site.name, found)  # it takes its time, which is nobody else's
    return Response(content, media_type=_MEDIA[kind])


def _accepted(accept: str) -> Kind:
    return next((kind for kind, media in _MEDIA.items() if media.partition(";")[0] in accept), "json")


def _json(datacenter: str, found: Answer) -> bytes:
    document = {
        "datacenter": datacenter,
        "resolution": duration_text(found.resolution_ms),
        "units": {name: UNITS[name] for name in found.columns},
        "time": iso_times(found.time_ms),
        "columns": found.columns,
    }
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _query(newest_ms: int | None, metric: str, from_: str | None, to: str | None, resolution: str, cluster: str | None) -> Query:
    resolution_ms = p.resolution_ms(resolution)
    until_ms = p.time_ms(to, "to")
    if until_ms is None:
        until_ms = newest_ms if newest_ms is not None else 0
    after_ms = p.time_ms(from_, "from")
    metrics = list(dict.fromkeys(metric.split(",")))
    return Query(metrics, until_ms - times.DAY if after_ms is None else after_ms, until_ms, resolution_ms, cluster)


def _csv(_: str, found: Answer) -> bytes:
    buffer = io.StringIO()
    pd.DataFrame({"time": iso_times(found.time_ms), **found.columns}).to_csv(buffer, index=False, lineterminator="\r\n")
    return buffer.getvalue().encode()


def _arrow(_: str, found: Answer) -> bytes:
    time = pa.array(found.time_ms).cast(pa.timestamp("ms", tz="UTC"))
    columns = [pa.array(values, from_pandas=True) for values in found.columns.values()]
    table = pa.table([time, *columns], names=["time", *found.columns])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


_RENDER: Final[dict[Kind, Callable[[str, Answer], bytes]]] = {"json": _json, "csv": _csv, "arrow": _arrow}
