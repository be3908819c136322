"""Pieces of HTML for pages that are files. Whatever came from users, files or topics is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, body: str, *, classes: str = "") -> str:
    opening = f'<section class="{classes}">' if classes else "<section>"
    return f"{opening}<h2>{escape(title)}</h2>{body}</section>\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under heads; heads that are all empty are left out. No rows: "None."."""
    body = "\n".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(h)}</th>" for h in heads) if any(heads) else ""
    return f"<table>{'<thead><tr>' + head + '</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
