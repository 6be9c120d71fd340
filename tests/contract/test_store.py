"""What every store promises of itself, apart from what changes mean."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import re2

from townsquare.model.change import Changed
from townsquare.model.entity import Entity
from townsquare.model.errors import CannotStart, Conflict
from townsquare.store import Committed, Find, Job, Key, Place, Row, Store, Writes, open_store
from townsquare.store.conditions import Sql

NOW = datetime(2030, 6, 1, tzinfo=UTC)
ALL = Find(Sql("true"), limit=1000)


@pytest.fixture
async def store(tmp_path: Path, store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url, tmp_path)
    await opened.ready()
    yield opened
    await opened.close()


def key(name: str) -> Key:
    return Key("", "context", f"urn:ngsi-ld:Thing:{name}")


def body(name: str) -> bytes:
    return b'{"id":"%s","types":["Thing"],"attributes":{}}' % key(name).id.encode()


def put(name: str, once: str | None = None) -> Job:
    """Creates a thing, or counts its version up, and tells of it."""

    def decide(rows: Mapping[Key, Row]) -> Writes:
        version = rows[key(name)].version + 1 if key(name) in rows else 1
        place = Place(("Thing",), (), None) if version == 1 else None
        thing = Entity(key(name).id, ("Thing",), version=version)
        news = Changed(0, NOW, "test", "", None, thing, frozenset())
        row = Row(key(name), version, body(name), place)
        return Writes(put=[row], told=[news], answer=b"%d" % version)

    return Job(NOW, "", (key(name),), decide, once)


def delete(name: str) -> Job:
    return Job(NOW, "", (key(name),), lambda _: Writes(delete=[key(name)]))


def failing(error: Exception) -> Job:
    def decide(_: Mapping[Key, Row]) -> Writes:
        raise error

    return Job(NOW, "", (), decide)


async def together(store: Store, *jobs: Job) -> list[Committed | BaseException]:
    """Jobs that wait at the same time."""
    first = asyncio.create_task(store.commit(put("first")))
    await asyncio.sleep(0)
    done = await asyncio.gather(*map(store.commit, jobs), return_exceptions=True)
    await first
    return done


async def names(store: Store) -> list[str]:
    return [row.key.id.rpartition(":")[2] for row in await store.find("", ALL)]


async def test_a_job_that_breaks_does_not_take_others_with_it(store: Store) -> None:
    done = await together(store, put("a"), failing(ZeroDivisionError()), put("b"))
    assert [type(outcome) for outcome in done] == [Committed, ZeroDivisionError, Committed]
    assert await names(store) == ["first", "a", "b"]


async def test_news_is_numbered_without_a_gap_and_told_in_that_order(store: Store) -> None:
    told: list[Changed] = []
    store.listener = told.extend
    refused, broken = failing(Conflict("no")), failing(ZeroDivisionError())
    await together(store, put("a"), refused, put("b"), broken, put("a"), put("c"))
    await store.commit(put("d"))
    kept = await store.after(0, 100)
    assert [news.seq for news in kept] == [1, 2, 3, 4, 5, 6]
    assert [news.seq for news in told] == [1, 2, 3, 4, 5, 6]
    assert [n.subject.id for n in told] == [n.subject.id for n in kept]
    assert await store.last_seq() == 6


async def test_jobs_of_one_commit_see_each_other(store: Store) -> None:
    done = await together(store, put("a"), put("a", "k"), put("a", "k"), put("a"))
    assert done == [
        Committed(b"1", repeated=False),
        Committed(b"2", repeated=False),
        Committed(b"2", repeated=True),
        Committed(b"3", repeated=False),
    ]


async def test_what_is_made_anew_comes_last(store: Store) -> None:
    await together(store, put("a"), put("b"))
    await together(store, delete("a"), put("c"), put("a"))
    assert await names(store) == ["first", "b", "c", "a"]
    row = await store.get(key("a"))
    assert row
    assert (row.version, row.body) == (1, body("a"))


async def test_only_one_server_writes(store: Store, store_url: str, tmp_path: Path) -> None:
    if store_url == "memory:":
        pytest.skip("each has its own")
    with pytest.raises(CannotStart, match=r"in use by .*townsquare .*process \d+"):
        await open_store(store_url, tmp_path).ready()
    await store.commit(put("a"))


async def test_numbers_go_on_after_a_restart(store_url: str, tmp_path: Path) -> None:
    if store_url == "memory:":
        pytest.skip("it forgets")
    for round in (1, 2):
        store = open_store(store_url, tmp_path)
        done = await store.commit(put("a"))
        assert (done.answer, await store.last_seq()) == (b"%d" % round, round)
        await store.trim(NOW, NOW, NOW)
        await store.close()


PATTERNS = [
    *("", "a|b|", "()", "^a\\.b$", "a.b", "(?s)a.b", "(?i)ABC", "(?m)^b$", "\\bfoo\\b", "\\Bo"),
    *("[\\w-.]+$", "[a-c-e]", "[--/]", "[]a]", "[^]a]", "[^\\d]", "\\D", "\\W", "\\S", "[$^]"),
    *("\\Qa.b*\\E+", "\\x41", "\\x{e9}", "[\\x{e0}-\\x{ef}]", "\\101", "[[:alpha:]]+", "#comment"),
    *("a{2,3}?", "(?P<x>a)b", "a*?b", "[\\]\\-\\\\]", "\\-\\/\\#", "é+", "x{,2}", "{", "}", "a{b"),
    *("\\A.*\\z", "[.*+?]", "^urn:ngsi-ld:.*:[0-9]+$", "(a+)+$", "[[:punct:]]", "[a\\d]", " x y"),
    *("\\t\\n", "[\\t-\\r]", "(?:ab){2}c"),
]
TEXTS = [
    *("", "a", "b", "ab", "a.b", "axb", "a\nb", "ABC", "abc", "foo", "a foo b", "foobar", "xfoo"),
    *("-", "/", ",", "]", "é", "éa", "_", "9", "a9", "\\", "*", "a.b*", "{", "x{,2}", "a{b", "aaa"),
    *("A", "urn:ngsi-ld:X:12", "\t\n", "\n", "$", "^", " x y", "#comment", "...", "ë", "Ä", "@"),
]


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_pattern_means_what_re2_says(store: Store, pattern: str) -> None:
    like = store.conditions.like("t.text", pattern)
    rows = " union all ".join(["select ? as text"] * len(TEXTS))
    fits = Sql(f"(select count(*) from ({rows}) t where {like.text}) = ?")
    count = sum(bool(re2.search(pattern, text)) for text in TEXTS)
    await store.commit(put("a"))
    found = await store.find("", Find(Sql(fits.text, (*TEXTS, *like.parameters, count))))
    assert len(found) == 1


async def test_a_row_is_answered_as_the_last_commit_left_it(store: Store) -> None:
    """However it was touched: by its own job, by another's, small or too large to remember."""
    other, large = (
        key("other"),
        b'{"id":"%s","types":["Thing"],"attributes":{"x":[{"value":"%s"}]}}',
    )

    def beside(rows: Mapping[Key, Row]) -> Writes:
        body = large % (other.id.encode(), b"y" * 2_000_000)
        return Writes(put=[Row(other, 7, body, Place(("Thing",), (), None))])

    async def version(name: str) -> int | None:
        row = await store.get(key(name))
        return row.version if row else None

    await store.commit(put("other"))
    assert await version("other") == 1
    await store.commit(Job(NOW, "", (key("one"),), beside))
    assert await version("other") == 7
    await asyncio.gather(store.commit(delete("other")), store.commit(put("one")))
    assert (await version("other"), await version("one")) == (None, 1)
    await asyncio.gather(store.commit(delete("one")), store.commit(put("one")))
    assert await version("one") == 1
    await store.commit(Job(NOW, "", (), lambda _: Writes(delete=[key("one")])))
    assert await version("one") is None


async def test_what_is_committed_is_answered_whatever_becomes_of_its_news(store: Store) -> None:
    troubles: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: troubles.append(context["exception"]))
    heard: list[int] = []

    def listener(news: Sequence[Changed]) -> None:
        heard.extend(n.seq for n in news)
        if len(heard) == 1:
            raise ValueError("a listener that breaks")

    store.listener = listener
    for version in (b"1", b"2"):
        assert (await asyncio.wait_for(store.commit(put("one")), 5)).answer == version
        assert len(heard) == int(version)
    assert [str(trouble) for trouble in troubles] == ["a listener that breaks"]


async def test_a_store_that_is_well_says_so_while_it_is_written(store: Store) -> None:
    found = await store.soundness()
    assert (found.trouble, found.whole) == ("", True)
    assert found.kind in ("SQLite", "PostgreSQL")
