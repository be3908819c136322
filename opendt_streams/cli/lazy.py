"""Commands whose modules are imported when they are used: `opendt run` says where its page is before anything heavy is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


class _Commands(Mapping[str, Any]):
    """By name. The module `PACKAGE.NAME` has a Typer app, or a function of the command's name."""

    def __init__(self, package: str, names: Sequence[str]) -> None:
        self._package, self._names = package, names
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = _command(name, vars(import_module(f"{self._package}.{name}")))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def lazy_group(package: str, names: Sequence[str]) -> type[TyperGroup]:
    """The class of a group with these commands, in this order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.commands: Any = _Commands(package, names)

        def list_commands(self, ctx: Any) -> list[str]:
            return list(names)

    return LazyGroup


def _command(name: str, module: Mapping[str, Any]) -> Any:
    holder = typer.Typer(rich_markup_mode=None)
    if "app" in module:
        holder.add_typer(module["app"], name=name)
    else:
        holder.command(name)(module[name])
    return get_group(holder).commands[name]
