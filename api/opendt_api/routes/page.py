"""The web page: a few static files, ours and those that reports share. Open to everybody: they hold no data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from opendt_api.problems import ProblemError
from opendt_streams.charts import assets

router = APIRouter(include_in_schema=False)
PREFIX: Final = "/page/"
_FOLDER: Final = Path(__file__).resolve().parents[1] / "page"
_INDEX: Final = "index.html"
_MEDIA: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    etag: str


@cache
def files() -> dict[str, Asset]:
    """By the path under which it is served."""
    texts = {name: assets.text(name) for name in assets.names()}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.iterdir())}
    made = {f"{PREFIX}{name}": _asset(name, text.encode()) for name, text in texts.items()}
    return {"/": made.pop(f"{PREFIX}{_INDEX}"), **made}


@router.get("/")
@router.get("/page/{name}")
async def page(request: Request) -> Response:
    """A file of the page. Browsers ask again each time, and are told when they have it already."""
    asset = files().get(request.url.path)
    if asset is None:
        raise ProblemError(404, f"the page has no file {request.url.path}", hint="The page is at /.")
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


def _asset(name: str, content: bytes) -> Asset:
    media = _MEDIA[Path(name).suffix]
    return Asset(content, f"{media}; charset=utf-8", f'"{sha256(content).hexdigest()[:32]}"')
