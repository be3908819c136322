"""What README and docs/ say about files, names, commands, settings and columns is so: nothing in them is run, everything is looked up."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import typer
import yaml

from opendt_streams.cli.main import app
from opendt_streams.notices.notice import KINDS
from opendt_streams.settings import valid_keys
from opendt_streams.twinlog.schemas import TABLES
from opendt_streams.twinlog.score import RunSummary
from opendt_streams.wire.kinds import CHANNELS
from opendt_streams.wire.topics import ALL_TOPICS

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS: Final = ("opendt_streams", "docs", "tests", "schemas", "config", "grafana")  # data/ holds runs, which are nobody's to promise
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE: Final = re.compile(r"`([^`\n]+)`")
LINK: Final = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
NAMES_IN_FILE: Final = re.compile(r"((?:`[\w.]+`(?:, | and )?)+) in\s+`(opendt_streams/[\w/]+\.py)`")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", prose(ROOT / page), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{page} has no section {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without heads and rulers."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    rulers = [i for i, line in enumerate(lines) if set(line) <= set("-| ")]
    return [row for i, row in enumerate(cells) if i not in rulers and i + 1 not in rulers]


def test_all_pages_are_looked_at() -> None:
    assert len(PAGES) >= 12


@pages
def test_paths_exist(page: Path) -> None:
    named = {word for word in INLINE.findall(prose(page)) if re.match(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*$", word)}
    assert sorted(word for word in named if not (ROOT / word).exists()) == []


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(prose(page)):
        if "://" in target:
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if anchor:
            assert anchor in {heading_anchor(line) for line in linked.read_text(encoding="utf-8").splitlines() if line.startswith("#")}


def heading_anchor(line: str) -> str:
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")


@pages
def test_names_are_where_they_are_said_to_be(page: Path) -> None:
    for names, file in NAMES_IN_FILE.findall(prose(page)):
        missing = [name for name in INLINE.findall(names) if name not in defined_in(ROOT / file)]
        assert missing == [], file


def test_readme_leads_from_each_topic_to_what_decides() -> None:
    leads = section("README.md", "How the parts fit")
    agents = {(file, name) for names, file in NAMES_IN_FILE.findall(leads) for name in INLINE.findall(names)}
    workers = {p.relative_to(ROOT).as_posix(): agents_of(p) for p in (ROOT / "opendt_streams/streams").glob("*.py")}
    assert {(file, name) for file, names in workers.items() for name in names} <= agents
    assert set(INLINE.findall("".join(row[0] for row in rows(leads)))) == {c.topic for c in CHANNELS if not c.topic.startswith("sys.")}


@cache
def defined_in(file: Path) -> frozenset[str]:
    """Functions (those within functions, such as agents, too), classes, methods as Class.method, and assigned names of a module."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    names |= {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            names |= {f"{owner.name}.{node.name}" for node in owner.body if isinstance(node, kinds)}
    return frozenset(names)


def agents_of(file: Path) -> set[str]:
    found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {n.name for n in found if isinstance(n, ast.AsyncFunctionDef) and any("app.agent" in ast.unparse(d) for d in n.decorator_list)}


def shell_commands(page: Path) -> Iterator[list[str]]:
    """The `opendt` commands in shell blocks, as words, without the variables set for them."""
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines() if language in ("sh", "bash", "shell") else ():
            words = shlex.split(line, comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words and words[0] == "opendt":
                yield words[1:]


@pages
def test_shell_commands_parse(page: Path) -> None:
    """The parser of the command itself takes them: sub-commands, options, and everything that must be given."""
    for words in shell_commands(page):
        command: Any = typer.main.get_command(app)
        name = "opendt"
        while hasattr(command, "commands"):
            assert words and words[0] in command.commands, f"{name}: no sub-command {words[:1]}"
            name, command, words = f"{name} {words[0]}", command.commands[words[0]], words[1:]
        context = command.make_context(name, list(words))  # parses; what the command does is left alone
        assert context.params


@pages
def test_commands_in_the_text_exist(page: Path) -> None:
    for text in INLINE.findall(prose(page)):
        words = text.split()
        if words[0] != "opendt" or len(words) == 1:
            continue
        command: Any = typer.main.get_command(app)
        words = words[1:]
        while hasattr(command, "commands") and words:
            assert words[0] in command.commands, text
            command, words = command.commands[words[0]], words[1:]
        options = {option for parameter in command.params for option in parameter.opts}
        assert [word for word in words if word.startswith("--") and word not in options] == [], text


def test_commands_are_found() -> None:
    found = [words[0] for page in PAGES for words in shell_commands(page)]
    assert {"run", "service", "broker", "topology", "data", "runs", "config"} <= set(found)


def test_configuration_lists_every_setting_with_its_default() -> None:
    told = {row[0].strip("`"): yaml.safe_load(row[1].strip("`")) for row in rows(section("docs/configuration.md", "Every setting"))}
    assert told.keys() == valid_keys()
    defaults = yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))
    assert told == {key: value_at(defaults, key) for key in told}


def value_at(document: Any, key: str) -> Any:
    for part in key.split("."):
        document = document[part]
    return document


def test_concepts_name_the_settings_that_decide() -> None:
    named = {word for word in INLINE.findall(prose(ROOT / "docs/concepts.md")) if re.fullmatch(r"[a-z]+\.[a-z_]+", word)}
    sections = {key.partition(".")[0] for key in valid_keys()}
    assert {word for word in named if word.partition(".")[0] in sections} <= valid_keys()


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_the_twinning_log_is_told(table: str) -> None:
    told = INLINE.findall(section("docs/run-folder.md", f"`{table}`"))
    assert [column for column in TABLES[table].names if not any(fnmatchcase(column, word) for word in told)] == []


def test_every_figure_of_the_summary_is_told() -> None:
    told = set(INLINE.findall("".join(row[0] for row in rows(section("docs/run-folder.md", "The summary")))))
    assert set(RunSummary.__annotations__) <= told


def test_every_topic_and_message_is_told() -> None:
    page = ROOT / "docs/topics.md"
    table = {row[0].strip("`"): row for row in rows(prose(page).partition("## Headers")[0])}
    assert table.keys() == set(ALL_TOPICS)
    for channel in CHANNELS:
        assert section("docs/topics.md", "Dead letters" if channel.topic == "sys.dead-letter" else channel.topic)
        tags = {kind.tag or kind.name for kind in channel.kinds}
        assert set(INLINE.findall(table[channel.topic][1])) == tags
        assert set(channel.writers) <= set(re.findall(r"[\w-]+", table[channel.topic][2]))
        if channel.topic != "sys.config":  # its readers are its writers
            assert set(channel.readers) <= set(re.findall(r"[\w-]+", table[channel.topic][3]))


def test_every_kind_of_warning_is_described_in_its_order() -> None:
    assert [(row[0].strip("`"), row[1]) for row in rows(section("docs/run-folder.md", "Warnings"))] == list(KINDS.items())
