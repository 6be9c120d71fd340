"""The log for everyone to check: checkpoint, tiles and the key, as C2SP tlog-tiles has them.

What is served here are hashes and salted commitments, which say nothing of what was done. Who may
read records is the ledger's business.
"""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from townsquare.trust.log import Log

PATH = re.compile(r"(entries|\d|[1-5]\d|6[0-3])/(x\d{3}/){0,5}\d{3}(\.p/\d{1,3})?")
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
MOMENT = {"cache-control": "public, max-age=2"}


def routes(log: Log) -> list[Route]:
    async def checkpoint(_: Request) -> Response:
        if not log.published:
            raise HTTPException(404, "Nothing was logged yet")
        return PlainTextResponse(log.published, headers=MOMENT)

    async def tile(request: Request) -> Response:
        path = request.path_params["path"]
        file = log.folder / "tile" / path
        if not PATH.fullmatch(path) or not file.is_file():
            raise HTTPException(404, "There is no such tile")
        return FileResponse(file, media_type="application/octet-stream", headers=FOREVER)

    async def key(_: Request) -> Response:
        return PlainTextResponse(f"{log.key}\n", headers=MOMENT)

    return [
        Route("/log/checkpoint", checkpoint),
        Route("/log/tile/{path:path}", tile),
        Route("/log/key", key),
    ]
