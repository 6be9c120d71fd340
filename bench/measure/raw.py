"""The raw limits that the broker is held against, under the same server and the same database.

`python raw.py PORT` serves two operations as bare ASGI under the settings of `web.server`:
GET answers hello, POST decodes an entity, checks its structure and answers 201.
"""

import re
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uvicorn
import uvloop

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
VALUES = frozenset({"value", "object", "languageMap", "vocab", "json", "valueList", "objectList"})
HELLO = b'{"hello":"world"}'


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["method"] == "POST":
        await answer(send, *made(await body(receive)))
    else:
        await answer(send, 200, {"content-type": "application/json"}, HELLO)


def made(content: bytes) -> tuple[int, dict[str, str], bytes]:
    entity = msgspec.json.decode(content)
    good = URI.fullmatch(entity["id"]) and isinstance(entity["type"], str)
    for name, attribute in entity.items():
        if name not in ("id", "type"):
            good = good and isinstance(attribute.get("type"), str) and VALUES & attribute.keys()
    location = {"location": f"/ngsi-ld/v1/entities/{entity['id']}"}
    return (201, location, b"") if good else (400, {}, b"")


async def body(receive: Any) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def answer(send: Any, status: int, headers: dict[str, str], content: bytes) -> None:
    pairs = [(k.encode(), v.encode()) for k, v in headers.items()]
    pairs.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})


def serve(port: int) -> None:
    config = uvicorn.Config(
        app, port=port, log_level="warning", access_log=False, server_header=False,
        proxy_headers=False, lifespan="off",
    )  # fmt: skip
    uvloop.run(uvicorn.Server(config).serve())


def batches(folder: Path, documents: list[tuple[str, str]], seconds: float) -> float:
    """Entities a second that SQLite takes in commits of 100: a document and a history row each."""
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.executescript(
        "pragma page_size=8192; pragma journal_mode=wal; pragma synchronous=full;"
        "create table entity(id text primary key, version integer not null, body text not null)"
        " without rowid;"
        "create table history(row integer primary key, id text not null, at integer not null,"
        " number real); create index history_of on history(id, at);"
    )
    done, start = 0, time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        part = [documents[(done + i) % len(documents)] for i in range(100)]
        db.execute("begin immediate")
        db.executemany(
            "insert into entity values (?, 1, ?) on conflict (id) do update set"
            " version = version + 1, body = excluded.body",
            part,
        )
        rows = [(id, int(now * 1e6), 20.5) for id, _ in part]
        db.executemany("insert into history (id, at, number) values (?, ?, ?)", rows)
        db.execute("commit")
        done += 100
    db.close()
    return done / (time.perf_counter() - start)


async def postgres_batches(url: str, documents: list[tuple[str, str]], seconds: float) -> float:
    """The same of PostgreSQL: arrays in two statements a commit, in one session."""
    db = await asyncpg.connect(url)
    await db.execute(
        "create schema raw; create table raw.entity(id text primary key, version int not null,"
        " body jsonb not null) with (fillfactor = 80);"
        "create table raw.history(row bigint generated always as identity primary key,"
        " id text not null, at bigint not null, number float8);"
        "create index history_of on raw.history(id, at)"
    )
    done, start = 0, time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        part = [documents[(done + i) % len(documents)] for i in range(100)]
        ids, bodies = map(list, zip(*part, strict=True))
        async with db.transaction():
            await db.execute(
                "insert into raw.entity select id, 1, body from unnest($1::text[], $2::jsonb[])"
                " as n(id, body) on conflict (id) do update"
                " set version = raw.entity.version + 1, body = excluded.body",
                ids, bodies,
            )  # fmt: skip
            await db.execute(
                "insert into raw.history (id, at, number) select id, $2, 20.5"
                " from unnest($1::text[]) as n(id)",
                ids, int(now * 1e6),
            )  # fmt: skip
        done += 100
    await db.close()
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
