"""Power, energy, carbon, utilisation, errors and tasks over a range of event time."""

from __future__ import annotations

import io
from typing import Annotated, Any, Final, Literal

import orjson
import pandas as pd
import pyarrow as pa
from fastapi import APIRouter, Header
from fastapi import Query as Asked
from pydantic import BaseModel, Field
from starlette.responses import Response

from opendt_api import parameters as p
from opendt_api.context import Site
from opendt_api.problems import ProblemError
from opendt_streams.model import times
from opendt_streams.model.event import MAIN
from opendt_streams.projection.series import UNITS, Answer, Query, answer, iso_times

router = APIRouter(prefix="/api/v1", tags=["series"])
ARROW: Final = "application/vnd.apache.arrow.stream"
CSV: Final = "text/csv; charset=utf-8"
_FORMATS: Final[dict[str, Literal["json", "csv", "arrow"]]] = {"application/json": "json", "text/csv": "csv", ARROW: "arrow"}

Metrics = Annotated[str, Asked(alias="metric", max_length=400, description=f"Names, joined by commas: {', '.join(UNITS)}.")]


class SeriesDocument(BaseModel):
    """`time`: ends of the buckets; null in a column where nothing is known."""

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
    to: p.To = None,
    resolution: p.Resolution = "5m",
    cluster: Annotated[str | None, Asked(max_length=200, description="Default: the whole datacenter.")] = None,
    branch: Annotated[str, Asked(max_length=80)] = MAIN,
    format_: Annotated[Literal["json", "csv", "arrow"] | None, Asked(alias="format")] = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """Metrics in buckets: means, but sums of energy, carbon and completed tasks. Default range: the newest 24 h."""
    if branch != MAIN:
        raise ProblemError(404, f"no series of branch {branch!r}", hint="What-if runs have no series here; main has.")
    query = _query(site.progress.newest_end_ms, metric, from_, to, resolution, cluster)
    found = answer(site, query)
    kind = format_ or next((name for media, name in _FORMATS.items() if media in accept), "json")
    if kind == "csv":
        return Response(_csv(found), media_type=CSV)
    if kind == "arrow":
        return Response(_arrow(found), media_type=ARROW)
    document = {
        "datacenter": site.name,
        "resolution": resolution,
        "units": {name: UNITS[name] for name in found.columns},
        "time": iso_times(found.time_ms),
        "columns": found.columns,
    }
    return Response(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


def _query(newest_ms: int | None, metric: str, from_: str | None, to: str | None, resolution: str, cluster: str | None) -> Query:
    resolution_ms = p.resolution_ms(resolution)
    until_ms = p.time_ms(to, "to")
    if until_ms is None:
        until_ms = newest_ms if newest_ms is not None else 0
    after_ms = p.time_ms(from_, "from")
    metrics = list(dict.fromkeys(name.strip() for name in metric.split(",") if name.strip()))
    return Query(metrics, until_ms - times.DAY if after_ms is None else after_ms, until_ms, resolution_ms, cluster)


def _csv(found: Answer) -> bytes:
    buffer = io.StringIO()
    pd.DataFrame({"time": iso_times(found.time_ms), **found.columns}).to_csv(buffer, index=False, lineterminator="\r\n")
    return buffer.getvalue().encode()


def _arrow(found: Answer) -> bytes:
    time = pa.array(found.time_ms).cast(pa.timestamp("ms", tz="UTC"))
    columns = [pa.array(values, from_pandas=True) for values in found.columns.values()]
    table = pa.table([time, *columns], names=["time", *found.columns])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
