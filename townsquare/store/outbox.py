"""News of a commit as they stand in the outbox. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from townsquare.model.change import Changed
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Entity, Json
from townsquare.store import Key, Row, Writes, micros

Entry = tuple[int, str, str, int, bool, bytes]  # seq, tenant, id, at, live, JSON


def entries(
    tenant: str, writes: Writes, before: Mapping[Key, Row], seq: int
) -> Iterator[tuple[Changed, Entry]]:
    """With numbers behind `seq`. `before` are the rows as they were when the job was decided."""
    put = {row.key.id: row for row in writes.put}
    first = {news.subject.id: news for news in reversed(writes.told)}
    last = {news.subject.id: news for news in writes.told}
    for number, news in enumerate(writes.told, seq + 1):
        subject = news.subject
        id = subject.id
        told = _Told(
            number,
            news.at,
            news.by,
            tenant,
            # Rows hold the same JSON already, where no other change of the job lies between.
            _json(news.before, before.get(Key(tenant, "context", id)), news is first[id]),
            _json(news.after, put.get(id), news is last[id]),
            news.attributes,
        )
        entry = (number, tenant, id, micros(news.at), LIVE in subject.scope, _encode(told))
        yield _numbered(news, number), entry


class _Told(msgspec.Struct, frozen=True):
    """`Changed` as it stands in the outbox."""

    seq: int
    at: datetime
    by: str
    tenant: str
    before: Json
    after: Json
    attributes: frozenset[str]


_encode = msgspec.json.Encoder().encode


def _json(entity: Entity | None, row: Row | None, same: bool) -> Json:
    return msgspec.Raw(row.body) if entity and row and same else entity


def _numbered(n: Changed, seq: int) -> Changed:
    # Spelt out: `replace` takes four times as long, and this is done for every change.
    return Changed(seq, n.at, n.by, n.tenant, n.before, n.after, n.attributes)
