"""What is wrong with a workload directory: findings, and the two ways of taking them.

Every check is written once and reports to a `Findings`. Reading takes the first error as an exception;
`opendt data check` collects all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from opendt_streams.errors import BadInput
from opendt_streams.model.canonical import JSON

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (error: cannot be run) or odd (warning: can). `row` counts from 0; `column` is a JSON path in a JSON file."""

    severity: Severity
    file: str
    what: str
    expected: str | None = None
    row: int | None = None
    column: str | None = None
    hint: str | None = None

    @property
    def where(self) -> str:
        """File, row and column in words."""
        parts = [self.file]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(self.column if self.file.endswith((".json", ".yaml")) else f"column {self.column}")
        return ", ".join(parts)

    def as_document(self) -> dict[str, JSON]:
        return {
            "severity": self.severity,
            "file": self.file,
            "row": self.row,
            "column": self.column,
            "what": self.what,
            "expected": self.expected,
            "hint": self.hint,
        }


@dataclass(slots=True)
class Findings:
    """Takes findings about the files of one directory. With `strict` the first error is raised as BadInput."""

    directory: Path
    strict: bool
    found: list[Finding] = field(default_factory=list)

    def error(
        self,
        file: str,
        what: str,
        expected: str | None = None,
        *,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> None:
        finding = Finding("error", file, what, expected, row, column, hint)
        if self.strict:
            raise BadInput(what, expected=expected, where=str(self.directory / finding.where), hint=hint)
        self.found.append(finding)

    def warning(
        self,
        file: str,
        what: str,
        expected: str | None = None,
        *,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.found.append(Finding("warning", file, what, expected, row, column, hint))
