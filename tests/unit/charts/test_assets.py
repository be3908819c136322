"""The files that draw: whole, of few lines, from nowhere else, and in the form that reports need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opendt_api.routes import page

from opendt_streams.charts import assets

NAMESPACES = {f"http://www.w3.org/{rest}" for rest in ("2000/svg", "2000/xmlns/", "1999/xhtml", "1999/xlink", "XML/1998/namespace")}
URL = re.compile(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`)<]*")
OURS = sorted({*assets.FOLDER.iterdir(), *(Path(page.__file__).parents[1] / "page").iterdir()})
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
MOST_LINES = 150
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.html\(")


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("file", page.files())
def test_it_names_no_other_host(file: str) -> None:
    code = re.sub(r"(?m)^\s*//.*$", "", page.files()[file].content.decode())
    assert set(URL.findall(code)) <= NAMESPACES


@pytest.mark.parametrize("path", OURS, ids=name)
def test_it_is_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_text_never_becomes_markup(path: Path) -> None:
    assert MARKUP.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_imports_are_files_that_are_served(path: Path) -> None:
    imported = re.findall(r'^import .* from "(.*)";$', path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(imported) == path.read_text(encoding="utf-8").count("\nimport ") + path.read_text(encoding="utf-8").startswith("import ")
    assert {f"{page.PREFIX}{target.removeprefix('./')}" for target in imported} <= page.files().keys()


def test_one_script_holds_what_it_imports_once() -> None:
    script = assets.one_script("report.js")
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    declared = re.findall(r"^(?:const|let|function|async function|class) (\w+)", script, re.MULTILINE)
    assert len(declared) == len(set(declared)), sorted(n for n in declared if declared.count(n) > 1)
    assert {"Chart", "Plots", "el", "ledgerEntry", "decisionTable"} <= set(declared)


def test_d3_is_the_one_that_the_charts_are_written_for() -> None:
    found = re.search(r'version: "(\d+)\.', assets.text(assets.D3))
    assert found is not None and assets.D3_LICENCE.startswith(f"D3 {found[1]},")
