"""OpenDC experiment files (opendc-semantics section 11.1): read as OpenDC v2.4f reads them (`experiment_fields`), and refused by name
where the native engine does not model what they ask for.
"""

from __future__ import annotations

import itertools
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from opendt_streams.engine.experiment_fields import AXES, EXPERIMENT, FILES, ROOT, local_time, matching_columns
from opendt_streams.engine.json_files import read_bytes
from opendt_streams.engine.native.placement import Policy, check_policy, check_semantics
from opendt_streams.engine.native.placement.listed import Filter, ListedPolicy, ListedWeigher
from opendt_streams.engine.native.tables.columns import BATTERY, BATTERY_KEYS, KEYS, TABLES, TableName, schema
from opendt_streams.errors import BadInput, NotModelled
from opendt_streams.model.opendc_fields import Place
from opendt_streams.model.opendc_json import parse
from opendt_streams.model.opendc_topology import WITH_OPENDC

_NAMELESS: Final = "unnamed-simulation"  # OpenDC adds four random characters
_LONGEST_NAME: Final = 255  # bytes, in any file system
_LONGEST_INTERVAL_S: Final = 2**53 // 1000


@dataclass(frozen=True, slots=True)
class Workload:
    folder: Path
    submission_ms: int | None = None  # the first submission is moved there, all others with it
    scaling: str = "NoDelay"


@dataclass(frozen=True, slots=True)
class ExportModel:
    """What to write, how often; `columns` in OpenDC's order, keys always among them.

    `battery`: the columns of the battery table, which is empty; none where the experiment does not ask for it by name.
    """

    interval_ms: int
    columns: dict[TableName, tuple[str, ...]]
    battery: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One point of the product of all axes; `index` names its output folder."""

    index: int
    topology: Path
    workload: Workload
    policy: Policy
    export: ExportModel


@dataclass(frozen=True, slots=True)
class Experiment:
    """`passed_over`: what OpenDC reads and ignores, in words."""

    name: str
    scenarios: tuple[Scenario, ...]
    seeds: tuple[int, ...]
    semantics: str
    passed_over: tuple[str, ...] = ()


def read_experiment(path: Path, semantics: str = "2.4f") -> Experiment:
    """Paths in it stay as written: they resolve against the working directory.

    Raises:
        BadInput: OpenDC refuses it. Names the key of what is wrong.
        NotModelled: OpenDC takes it, and the native engine does not model what this key asks for.
    """
    check_semantics(semantics)
    data = read_bytes(path)
    try:
        return _experiment(EXPERIMENT(parse(data), ROOT), semantics)
    except BadInput as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise type(error)(error.what, expected=error.expected, where=where, hint=error.hint) from None


def output_name(name: str) -> str:
    """The folder of an experiment of this name, within its output folder; nameless ones have OpenDC's default.

    Raises:
        BadInput: it would lead elsewhere, or no folder can be called so.
    """
    inside = posixpath.normpath((name or _NAMELESS).lstrip("/") or ".")
    if inside == ".." or inside.startswith("../"):
        raise BadInput(f"{name!r} cannot be an output folder: it leads out of --output", expected="a name within it", where="name")
    if "\0" in inside or any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in inside.split("/")):
        raise BadInput(f"{name[:40]!r} cannot be an output folder", expected=f"at most {_LONGEST_NAME} bytes, and no NUL", where="name")
    return inside


def _experiment(found: dict[str, Any], semantics: str) -> Experiment:
    name = output_name(found["name"])
    place = ROOT
    passed_over: list[str] = []
    axes = {axis: _distinct(found[axis], axis, semantics) for axis in AXES}
    for i, model in axes["failureModels"]:
        if model is not None and model["type"] != "no":
            raise _not_modelled(place.key("failureModels").entry(i), f"the failure model {model['type']}", 'null or {"type": "no"}')
    for i, model in axes["checkpointModels"]:
        if model is not None and model["checkpointInterval"] > 0:
            raise _not_modelled(place.key("checkpointModels").entry(i), "checkpointing", "null, or a checkpointInterval of 0")
    for i, most in axes["maxNumFailures"]:
        if most < 1:
            what = f"at most {most} failures are not modelled: with that OpenDC runs for ever"
            raise NotModelled(what, expected="1 or more", where=f"maxNumFailures[{i}]")
    exports = []
    for i, model in axes["exportModels"]:
        exports.append(_export_model(model, place.key("exportModels").entry(i), semantics, passed_over))
    # Without failures and checkpoints the last three axes make scenarios, but no difference.
    product = itertools.product(
        [Path(t["pathToFile"]) for _, t in axes["topologies"]],
        [_workload(w, place.key("workloads").entry(i)) for i, w in axes["workloads"]],
        [_policy(p, place.key("allocationPolicies").entry(i), semantics) for i, p in axes["allocationPolicies"]],
        exports,
        axes["failureModels"],
        axes["checkpointModels"],
        axes["maxNumFailures"],
    )
    scenarios = tuple(Scenario(i, topology, workload, policy, export) for i, (topology, workload, policy, export, *_) in enumerate(product))
    # initialSeed is read, and without effect: OpenDC v2.4f counts its seeds from 0.
    return Experiment(name, scenarios, tuple(range(found["runs"])), semantics, tuple(passed_over))


def _distinct(entries: list[Any], axis: str, semantics: str) -> list[tuple[int, Any]]:
    """Each axis is a set: (index in the file, entry) of the first of equals."""
    if not entries:
        raise BadInput("the list is empty: there is no scenario", expected="at least one entry", where=axis)
    seen, found = set(), []
    for i, entry in enumerate(entries):
        key = repr(_compared(entry, axis, semantics))
        if key not in seen:
            seen.add(key)
            found.append((i, entry))
    return found


def _compared(entry: Any, axis: str, semantics: str) -> Any:
    """What OpenDC looks at when it compares two entries: the parameters of the Kotlin class, which a name beside a path is not."""
    if not isinstance(entry, dict):
        return entry
    compared = dict(sorted(entry.items()))
    if axis == "exportModels":
        flags = dict.fromkeys(FILES, False) if entry["filesToExportDict"] is None else entry["filesToExportDict"]
        compared["filesToExportDict"] = sorted((flags | dict.fromkeys(_listed_files(entry), True)).items())
        compared["computeExportConfig"] = [sorted(_columns(entry, table, semantics)[0]) for table in FILES]
        compared["filesToExport"] = _listed_files(entry)
    elif not (axis == "failureModels" and entry["type"] == "no"):
        compared.pop("name", None)
    return compared


def _not_modelled(place: Place, what: str, expected: str) -> NotModelled:
    return NotModelled(f"{what} is not modelled by the native engine", expected=expected, where=place.path, hint=WITH_OPENDC)


def _workload(found: dict[str, Any], place: Place) -> Workload:
    moved = found["submissionTime"]
    submission_ms = None if moved is None else local_time(moved)
    if moved is not None and submission_ms is None:
        raise place.key("submissionTime").error(f"{moved!r} is not a time", "such as 2022-10-06T22:00:00, without a time zone")
    if found["sampleFraction"] < 1:
        what = f"a sampleFraction of {found['sampleFraction']:g}"
        raise _not_modelled(place.key("sampleFraction"), what, "1.0, the whole workload")
    # deferAll has no effect: the policies that defer are not modelled.
    return Workload(Path(found["pathToFile"]), submission_ms, found["scalingPolicy"])


def _policy(found: dict[str, Any], place: Place, semantics: str) -> Policy:
    kind = found["type"]
    if kind == "filter" and found["subsetSize"] < 1:
        raise place.key("subsetSize").error(f"a subset of {found['subsetSize']} hosts", "at least 1")
    for i, each in enumerate(found.get("weighers", ())):
        if each["type"] == "VCpu" and not each["multiplier"] > 0:
            where = place.key("weighers").entry(i).key("multiplier")
            raise where.error(f"{each['multiplier']:g} is not positive, which OpenDC asks of VCpu", "more than 0")
    if kind == "timeshift":
        raise _not_modelled(place.key("type"), "an allocation policy of the type timeshift", "prefab or filter")
    policy: Policy = found["policyName"] if kind == "prefab" else _listed_policy(found)
    try:
        check_policy(policy, semantics)
    except BadInput as error:
        where = place.key("policyName" if kind == "prefab" else "type").path
        raise NotModelled(error.what, expected=error.expected, where=where, hint=WITH_OPENDC) from None
    return policy


def _listed_policy(found: dict[str, Any]) -> ListedPolicy:
    filters = (Filter(f["type"], f.get("limit", f.get("allocationRatio", 1.0))) for f in found["filters"])
    # OpenDC v2.4f takes the multiplier of VCpu for its allocation ratio, which moves all weights alike; as a multiplier it has 1.
    weighers = (ListedWeigher(w["type"], 1.0 if w["type"] == "VCpu" else w["multiplier"]) for w in found["weighers"])
    return ListedPolicy(tuple(filters), tuple(weighers), found["subsetSize"])


def _export_model(found: dict[str, Any], place: Place, semantics: str, passed_over: list[str]) -> ExportModel:
    interval_s = found["exportInterval"]
    if interval_s > _LONGEST_INTERVAL_S:
        raise _not_modelled(place.key("exportInterval"), f"an exportInterval of {interval_s} s", f"at most {_LONGEST_INTERVAL_S}")
    asked = {*_listed_files(found), *(name for name, wanted in (found["filesToExportDict"] or {}).items() if wanted)}
    columns: dict[str, tuple[str, ...]] = {}
    for table in FILES:
        columns[table], unknown = _columns(found, table, semantics)
        where = place.key("computeExportConfig").key(f"{table}ExportColumns").path
        passed_over += [f"{where}: {column!r} is not a column of {table} and is passed over, as by OpenDC" for column in unknown]
    by_name = "battery" in (found["filesToExport"] or ()) or bool((found["filesToExportDict"] or {}).get("battery"))
    return ExportModel(interval_s * 1000, {t: columns[t] for t in TABLES if t in asked}, columns["battery"] if by_name else ())


def _listed_files(found: dict[str, Any]) -> list[str]:
    files: list[str] | None = found["filesToExport"]
    return list(FILES) if files is None else files


def _columns(found: dict[str, Any], table: str, semantics: str) -> tuple[tuple[str, ...], list[str]]:
    """Those of a table that are written, and what the experiment names though there is no such column."""
    known, keys = next(((schema(t, semantics).names, KEYS[t]) for t in TABLES if t == table), (BATTERY.names, BATTERY_KEYS))
    wanted, unknown = matching_columns(found["computeExportConfig"].get(table, ()), known)
    return tuple(c for c in known if not wanted or c in wanted or c in keys), unknown
