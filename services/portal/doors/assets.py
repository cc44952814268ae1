"""Style, scripts and shapes: our own, and those of others from node_modules, all under names with a digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Response

from services.host.http import Problem

OWN = Path(__file__).parent.parent / "static"
OTHERS = {"htmx.js": "htmx.org/dist/htmx.min.js", "echarts.js": "echarts/dist/echarts.min.js"}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    type: str
    digest: str


class Assets:
    """All assets, read once. `missing` are names that no package brought."""

    def __init__(self, node_modules: Path) -> None:
        paths = {path.name: path for path in sorted(OWN.iterdir()) if path.suffix in _TYPES}
        others = {name: node_modules / path for name, path in OTHERS.items()}
        self.missing = tuple(name for name, path in others.items() if not path.is_file())
        paths |= {name: path for name, path in others.items() if name not in self.missing}
        self._known: Mapping[str, Asset] = {name: _read(path) for name, path in paths.items()}

    def url(self, name: str) -> str:
        """Address of an asset; it changes with the content, so browsers may keep it for ever."""
        known = self._known.get(name)
        return f"/static/{name}?v={known.digest}" if known else f"/static/{name}"

    def has(self, name: str) -> bool:
        return name in self._known

    def routes(self) -> APIRouter:
        router = APIRouter()

        @router.get("/static/{name}", include_in_schema=False)
        async def asset(name: str) -> Response:
            known = self._known.get(name)
            if known is None:
                raise Problem(
                    404, "no_such_file", "没有这个文件 No such file", "前端包没有装：运行 npm ci。Run npm ci."
                )
            headers = {"cache-control": "public, max-age=31536000, immutable"}
            return Response(known.content, media_type=known.type, headers=headers)

        return router


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], sha256(content).hexdigest()[:10])
