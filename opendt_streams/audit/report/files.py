"""The report as files in a folder of evidence: writing them, and making them again to see whether they are what the topics tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from opendt_streams.audit.evidence import Evidence
from opendt_streams.audit.finding import Finding
from opendt_streams.audit.report.document import report_document
from opendt_streams.audit.report.page import page
from opendt_streams.audit.sealing.seal import Sealed
from opendt_streams.errors import OpenDTError
from opendt_streams.version import code_version

JSON_FILE: Final = "report.json"
PAGE_FILE: Final = "report.html"


def report_files(evidence: Evidence, sealed: Sealed) -> dict[str, bytes]:
    """By file name. Equal evidence gives equal bytes.

    Raises:
        BadConfiguration: this version cannot understand the settings in the log.
    """
    document = report_document(evidence, sealed)
    return {JSON_FILE: orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n", PAGE_FILE: page(document).encode()}


def rebuilt_findings(folder: Path, sealed: Sealed, notes: list[str]) -> Iterator[Finding]:
    """Whether the report is the one that the topics give. Other code may word it otherwise, and is not held to that."""
    if sealed.info.code_version != code_version():
        notes.append(f"the report was made by code {sealed.info.code_version}, and this is {code_version()}: it was not made again")
        return
    try:
        made = report_files(Evidence(folder), sealed)
    except OpenDTError as error:
        notes.append(f"the report was not made again: {error}")
        return
    for name, content in made.items():
        if (folder / name).read_bytes() != content:
            yield Finding(name, "it says otherwise than the topics, from which it was made", "tampering")
