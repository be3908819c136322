"""Telling each notice once, for logs: when it is so at two looks in a row, since topics are not read at one instant."""

from __future__ import annotations

from collections.abc import Iterable

from opendt_streams.notices.notice import Notice


class Telling:
    def __init__(self) -> None:
        self._seen: set[tuple[str, str, str]] = set()
        self._told: set[tuple[str, str, str]] = set()

    def new(self, datacenter: str, notices: Iterable[Notice]) -> list[Notice]:
        """Those to be told now. One look at a datacenter; what is no longer so, and comes again, is told again."""
        found = {(datacenter, notice.kind, notice.subject): notice for notice in notices}
        mine = {key for key in self._seen if key[0] == datacenter}
        fresh = [notice for key, notice in found.items() if key in mine and key not in self._told]
        self._told = {key for key in self._told if key[0] != datacenter} | (found.keys() & (mine | self._told))
        self._seen = (self._seen - mine) | found.keys()
        return fresh
