"""Rules over the source as a whole (DESIGN sections 7 and 10): imports point one way, files stay small, nothing swallows all errors."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest
from importlinter.cli import lint_imports

ROOT: Final = Path(__file__).resolve().parents[2]
MOST_LINES: Final = 300
# Longer files, each with the reason why it is one.
MAY_BE_LONGER: Final[dict[str, str]] = {}
# Files with a handler for everything that does not raise it again, each with the reason.
MAY_CATCH_ALL: Final = {
    "opendt_streams/streams/worker.py": "ends the process, before Faust would acknowledge the message at hand",
    "opendt_streams/streams/in_thread.py": "hands the error to whoever awaits the thread",
}

CODE: Final = sorted(p for folder in ("opendt_streams", "grafana", "benchmarks") for p in (ROOT / folder).rglob("*.py"))
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))
TEXTS: Final = sorted(
    p
    for pattern in ("*", ".ci/*", "opendt_streams/**/*", "tests/**/*", "benchmarks/**/*", "config/**/*", "docs/**/*", "schemas/**/*")
    for p in ROOT.glob(pattern)
    if p.is_file() and p.suffix in {"", ".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".xml"}
)
# Folders that only some machine has; spelled in parts, so that this file does not hold what it looks for.
MACHINE_PATHS: Final = re.compile("(?<![A-Za-z0-9.])/(" + "|".join(("wo" + "rk/", "ho" + "me/", "ro" + "ot/", "Us" + "ers/")) + ")")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_point_one_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert code == 0, capsys.readouterr().out


def test_files_are_small() -> None:
    long = {name(p): lines for p in CODE if (lines := len(p.read_text(encoding="utf-8").splitlines())) > MOST_LINES}
    assert long.keys() == MAY_BE_LONGER.keys(), long
    assert all(MAY_BE_LONGER.values())


def test_no_error_is_swallowed_with_all_others() -> None:
    """Who catches everything catches mistakes in the program too, and goes on in a state that nobody thought of."""
    swallowing = {name(p) for p in CODE if any(swallows_everything(n) for n in ast.walk(ast.parse(p.read_text(encoding="utf-8"))))}
    assert swallowing == MAY_CATCH_ALL.keys()


def swallows_everything(node: ast.AST) -> bool:
    """A handler of Exception or all, unless it cleans up and raises the same error again at its end."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    catches_all = any(kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds)
    last = node.body[-1]
    return catches_all and not (isinstance(last, ast.Raise) and last.exc is None)


def test_no_test_waits_for_time_to_pass() -> None:
    sleeping = re.compile(r"\b(time|asyncio)\.sleep\(")
    assert [name(p) for p in TESTS if p != Path(__file__) and sleeping.search(p.read_text(encoding="utf-8"))] == []


def test_nothing_names_a_path_of_one_machine() -> None:
    assert ROOT / "pyproject.toml" in TEXTS
    found = [f"{name(p)}: {m[0]}" for p in TEXTS if (m := MACHINE_PATHS.search(p.read_text(encoding="utf-8", errors="replace")))]
    assert found == []


def test_every_package_says_what_it_is() -> None:
    silent = [
        name(p) for p in CODE if p.read_text(encoding="utf-8").strip() and not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))
    ]
    assert silent == []
