"""What other brokers tell for a subscriber, kept until the subscriber has been told (clause 5.8.6).

Always holds: what was accepted is durable, so a sender that was answered need not send it again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from townsquare.context.broker import Broker
from townsquare.context.subscriptions.pending import Item
from townsquare.model.entity import Entity
from townsquare.store import Key

ROW = "letter "  # begins the id of its row


class Part(Struct, frozen=True, omit_defaults=True):
    """An entity as another broker tells it; `before` has what changed or ended, as it was."""

    entity: Entity
    before: Entity | None = None
    gone: bool = False


class Letter(Struct, frozen=True, omit_defaults=True):
    """A notification of the source `by`; its `id` is as good as the row's."""

    id: str
    tenant: str
    subscription: str
    source: str
    at: datetime
    parts: tuple[Part, ...]

    @property
    def key(self) -> Key:
        """Of the subscription."""
        return Key(self.tenant, "subscription", self.subscription)

    @property
    def row(self) -> Key:
        return Key(self.tenant, "private", ROW + self.id)


class Mail:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    async def waiting(self) -> list[Letter]:
        rows = await self.broker.documents.listed("private", None)
        bodies = [row.body for row in rows if row.key.id.startswith(ROW)]
        found = [msgspec.json.decode(body, type=Letter) for body in bodies]
        return sorted(found, key=lambda letter: letter.at)

    async def keep(self, letter: Letter) -> None:
        await self.broker.documents.note({letter.row: msgspec.json.encode(letter)})

    async def drop(self, letters: Iterable[Letter]) -> None:
        if rows := {letter.row: None for letter in letters}:
            await self.broker.documents.note(rows)


def newest(letters: Sequence[Letter]) -> dict[str, Part]:
    """Of each entity what was told last, with all that has changed since it was first."""
    found: dict[str, Part] = {}
    for letter in letters:
        for part in letter.parts:
            earlier = found.pop(part.entity.id, None)
            found[part.entity.id] = _since(earlier, part) if earlier else part
    return found


def _since(earlier: Part, part: Part) -> Part:
    if earlier.before is None or part.before is None or part.gone:
        return part
    was = {**part.before.attributes, **earlier.before.attributes}
    before = msgspec.structs.replace(part.before, attributes=was)
    return msgspec.structs.replace(part, before=before)


def item(part: Part, at: datetime) -> Item:
    return Item(part.before, (part.before or part.entity) if part.gone else None, at)
