"""The files that pages are made of, from memory: a first look at the control room asks for sixty.

Always holds: what is told is what stands on the disk now, since each request compares the file's
time and size; and a browser asks each time, so that a page never mixes old modules with new ones.
"""

import asyncio
import gzip
import hashlib
import stat
from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

READ = ("GET", "HEAD")
LEAST = 500  # bytes from which packing saves anything
LEVEL = 6  # of gzip: level 9 takes twice the time for a hundredth less


class Kept(NamedTuple):
    """A file as it was at this time, and packed where that is shorter."""

    at: tuple[int, int]  # ns since 1970, bytes
    plain: bytes
    packed: bytes
    headers: Mapping[str, str]


class Files(StaticFiles):
    """Of one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self._kept: dict[str, Kept] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        # Not in a thread: to look takes 30 µs, and to hand it over several times that.
        file, found = self.lookup_path(path)
        if found is None or not stat.S_ISREG(found.st_mode) or scope["method"] not in READ:
            return await super().get_response(path, scope)
        at = (found.st_mtime_ns, found.st_size)
        kept = self._kept.get(file)
        if kept is None or kept.at != at:
            kept = self._kept[file] = await asyncio.to_thread(read, file, at)
        return told(kept, Headers(scope=scope))


def read(file: str, at: tuple[int, int]) -> Kept:
    plain = Path(file).read_bytes()
    media = guess_type(file)[0] or "application/octet-stream"
    if media.startswith("text/"):
        media += "; charset=utf-8"
    packed = gzip.compress(plain, LEVEL, mtime=0) if len(plain) >= LEAST else b""
    headers = {
        "content-type": media,
        "etag": f'"{hashlib.sha256(plain).hexdigest()[:32]}"',
        "cache-control": "no-cache",
        "vary": "Accept-Encoding",
    }
    return Kept(at, plain, packed if len(packed) < len(plain) else b"", headers)


def told(kept: Kept, asked: Headers) -> Response:
    if kept.headers["etag"] in asked.get("if-none-match", ""):
        return Response(status_code=304, headers=kept.headers)
    if kept.packed and "gzip" in asked.get("accept-encoding", ""):
        return Response(kept.packed, headers={**kept.headers, "content-encoding": "gzip"})
    return Response(kept.plain, headers=kept.headers)
