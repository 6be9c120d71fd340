"""What PostgreSQL adds to a store's promises: a line that can be cut, and a server with limits."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.test_store import NOW, body, key, put
from tests.postgres import Server
from townsquare.model.change import Changed
from townsquare.model.errors import CannotStart, Invalid, TooComplex, Unavailable
from townsquare.store import Find, Job, Row, Writes, open_store
from townsquare.store.conditions import Sql
from townsquare.store.postgres import PostgresStore
from townsquare.store.postgres_link import address


@pytest.fixture
async def store(postgres: Server) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(postgres.emptied())
    await opened.ready()
    yield opened
    await opened.close()


class Line:
    """Between a store and its server; it can be cut when the server answers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cuts = False
        self.ends: list[asyncio.StreamWriter] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = str(self.server.sockets / ".s.PGSQL.5432")
        answers, questions = await asyncio.open_unix_connection(there)
        self.ends += [writer, questions]
        await asyncio.gather(self.carry(reader, questions), self.carry(answers, writer, cut=True))

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, cut: bool = False
    ) -> None:
        while part := await reader.read(65536):
            if cut and self.cuts:
                return self.close()
            writer.write(part)
        writer.close()
        return None

    def close(self) -> None:
        for end in self.ends:
            end.close()


@asynccontextmanager
async def line(server: Server, folder: Path) -> AsyncIterator[tuple[Line, str]]:
    """A line, and the URL of a store at its end."""
    between = Line(server)
    listening = await asyncio.start_unix_server(between.accept, folder / ".s.PGSQL.5432")
    yield between, f"postgresql://postgres@/postgres?host={folder}"
    listening.close()
    between.close()


async def test_a_write_whose_answer_was_lost_is_done_once_and_told_once(
    postgres: Server, tmp_path: Path
) -> None:
    postgres.emptied()
    async with line(postgres, tmp_path) as (between, url):
        store = PostgresStore(url)
        told: list[Changed] = []
        store.listener = told.extend
        await store.commit(put("a", "k1"))
        between.cuts = True
        with pytest.raises(Unavailable):
            await store.commit(put("a", "k2"))
        between.cuts = False
        again = await store.commit(put("a", "k2"))
        assert again.answer == b"2"
        await store.commit(put("a", "k3"))
        assert [news.seq for news in told] == [1, 2, 3]
        row = await store.get(key("a"))
        assert row
        assert row.version == 3
        await store.close()


async def test_a_server_that_starts_again_is_found_again(
    store: PostgresStore, postgres: Server
) -> None:
    await store.commit(put("a"))
    postgres.emptied()  # ends every session
    assert (await store.commit(put("a"))).answer == b"1"
    assert await store.last_seq() == 1


async def test_a_question_that_takes_too_long_is_given_up(store: PostgresStore) -> None:
    await store.commit(put("a"))
    with pytest.raises(TooComplex, match="over 1 s"):
        await store.find("", Find(Sql("pg_sleep(3) is null"), stranger=True))
    assert await store.count("", Find(Sql("true"), stranger=True)) == 1


async def test_what_the_database_cannot_keep_is_refused_and_nothing_else(
    store: PostgresStore,
) -> None:
    far_too_large = b'{"id":"x","attributes":{"n":[{"value":1%s}]}}' % (b"0" * 140_000)
    row = Row(key("large"), 1, far_too_large)
    large = Job(NOW, "", (), lambda _: Writes(put=[row]))
    done = await asyncio.gather(
        *map(store.commit, (put("a"), large, put("b"))), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in done] == ["Committed", "Invalid", "Committed"]


async def test_a_nul_is_kept_and_can_be_asked_for(store: PostgresStore) -> None:
    nul = body("a").replace(b"{}}", b'{"n":[{"value":"a\\u0000b"}]}}')
    await store.commit(Job(NOW, "", (), lambda _: Writes(put=[Row(key("a"), 1, nul)])))
    row = await store.get(key("a"))
    assert row
    assert row.body == nul
    text = "jsonb_path_query_first(e.doc, '$.attributes.n[0].value') #>> '{}' = ?"
    assert await store.count("", Find(Sql(text, ("a\0b",)))) == 1


async def test_a_database_of_a_newer_program_is_left_alone(postgres: Server) -> None:
    store = PostgresStore(postgres.emptied())
    await store.ready()
    await store.close()
    postgres.execute("insert into mark values ('schema', 99)")
    newer = PostgresStore(postgres.url)
    with pytest.raises(CannotStart, match="newer townsquare"):
        await newer.ready()
    await newer.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://town@/none?host={sockets}", "none.*cannot be reached.*does not exist"),
        ("postgresql://postgres@/postgres?host=/nowhere", "cannot be reached"),
        ("postgresql://town@/postgres?host={sockets}", 'role "town" does not exist'),
    ],
)
async def test_what_is_wrong_is_said_at_the_start(postgres: Server, url: str, reason: str) -> None:
    store = open_store(url.format(sockets=postgres.sockets), Path())
    with pytest.raises(CannotStart, match=reason):
        await store.ready()
    await store.close()


def test_without_its_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("townsquare.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(CannotStart, match=r"pip install 'townsquare\[postgres\]'"):
        open_store("postgresql://town@db/town", Path())


@pytest.mark.parametrize(
    ("url", "ssl", "shown"),
    [
        ("postgresql://town@/town", None, "town on /var/run/postgresql"),
        ("postgresql://town@localhost:5433/town", None, "town on localhost"),
        ("postgresql://town@[::1]/town?sslmode=disable", None, "town on ::1"),
        ("postgresql:///town?host=/tmp/x", None, "town on /tmp/x"),
        ("postgresql://town@db.example.org/town", "verify-full", "town on db.example.org"),
        ("postgresql://town@a:1,b:2/town?sslmode=verify-ca", "verify-ca", "town on a, b"),
    ],
)
def test_a_database_elsewhere_must_prove_itself(url: str, ssl: str | None, shown: str) -> None:
    found = address(url, "")
    assert (found.ssl, found.shown) == (ssl, shown)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://town:secret@db/town", "holds a password; take it out"),
        ("postgresql://town@db/town?password=secret", "holds a password"),
        ("postgresql://town@db/town?sslmode=require", "db is another machine"),
        ("postgresql://town@localhost,db/town?sslmode=prefer", "db is another machine"),
        ("postgresql://town@db/town?search_path=x", "it may say host, port"),
    ],
)
def test_an_address_that_gives_something_away_is_refused(url: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as refused:
        address(url, "")
    assert "secret@" not in str(refused.value)


def test_the_password_of_an_address_is_not_shown() -> None:
    assert "s3cret" not in repr(address("postgresql://town@db/town", "s3cret"))


async def test_a_commit_that_a_lost_session_did_not_write_is_written_by_the_next(
    store: PostgresStore, postgres: Server
) -> None:
    told: list[Changed] = []
    store.listener = told.extend
    assert (await store.commit(put("a"))).answer == b"1"
    postgres.execute(END_SESSIONS)
    assert (await store.commit(put("a"))).answer == b"2"
    assert [news.seq for news in told] == [1, 2]
    postgres.execute(END_SESSIONS)
    postgres.execute("update entity set version = 7")  # by another, who had the lock
    assert (await store.commit(put("a"))).answer == b"8"


END_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
