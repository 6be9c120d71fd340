"""Batches where sources have a part in them (clauses 5.6.7 to 5.6.10 and 5.6.20).

A source that offers the batch operation gets its part of the batch in one request; one that
offers the single operations gets them one by one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from townsquare.context.commit import Outcome
from townsquare.context.jsonld import Terms
from townsquare.context.sources.answers import MOST_TOLD, conflict, problem
from townsquare.context.sources.calling import Errand, Reply
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.provision import LOOP, Deed, SharedWriting, part_of_body
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.shares import Shares, divided
from townsquare.context.sources.wording import reworded
from townsquare.model.change import Change
from townsquare.model.entity import Json

AT_ONCE = 8  # single requests under way to one source


@dataclass(frozen=True, slots=True)
class Single:
    """One entity of the batch in a request of its own; `suffix` comes behind its id."""

    name: str
    method: str
    suffix: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """Each of `singles` that a source offers is tried after the one before met a conflict."""

    name: str
    path: str
    singles: tuple[Single, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *(single.name for single in self.singles))


_CREATE = Single("createEntity", "POST")
_UPDATE = Single("updateEntity", "PATCH", ("attrs",))
_REPLACE = Single("replaceEntity", "PUT")
_APPEND = Single("appendAttrs", "POST", ("attrs",), {"options": "noOverwrite"})
CREATE = Kind("createBatch", "create", (_CREATE,))
UPSERT_REPLACE = Kind("upsertBatch", "upsert", (_CREATE, _REPLACE))
UPSERT_UPDATE = Kind("upsertBatch", "upsert", (_CREATE, _UPDATE))
UPDATE = Kind("updateBatch", "update", (_UPDATE,))
APPEND_NEW = Kind("updateBatch", "update", (_APPEND,))
MERGE = Kind("mergeBatch", "merge", (Single("mergeEntity", "PATCH"),))
DELETE = Kind("deleteBatch", "delete", (Single("deleteEntity", "DELETE"),))

Local = Callable[[Sequence[Change]], Awaitable[Sequence[Outcome]]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a source did with one entity; without a `problem` all that it was asked."""

    id: str
    source: str
    created: bool = False
    problem: Json = None


@dataclass(frozen=True, slots=True)
class Item:
    deed: Deed
    attributes: frozenset[str]

    @property
    def id(self) -> str:
        return self.deed.change.entity.id

    def body(self, words: Terms) -> Json:
        deed = self.deed
        if deed.change.operation == "delete":
            return self.id
        body = part_of_body(deed.body, deed.terms, self.attributes, deed.change.operation)
        return body if words is deed.terms else reworded(body, deed.terms, words)


class SharedBatch:
    def __init__(self, sharing: SharedWriting) -> None:
        self.sharing = sharing
        self.caller = sharing.caller

    async def provide(
        self, deeds: Sequence[Deed], kind: Kind, local: Local
    ) -> tuple[list[Outcome | None], list[Told]]:
        """What became of each here, None where nothing was left to do; and elsewhere."""
        sources = await self.sharing.sources(deeds[0].request) if deeds else ()
        if not sources:
            return list(await local([deed.change for deed in deeds])), []
        shares = [await self._shares(sources, deed, kind) for deed in deeds]
        here = await self._here(deeds, shares, local)
        told = await asyncio.gather(
            *(self._source(one, items, kind) for one, items in _by_source(deeds, shares))
        )
        refused = [
            Told(deed.change.entity.id, s.source.id, problem=conflict(s.source, kind.name))
            for deed, share in zip(deeds, shares, strict=True)
            for s in share.refused
        ]
        return here, [*(one for part in told for one in part), *refused]

    async def _shares(self, sources: Sequence[Registration], deed: Deed, kind: Kind) -> Shares:
        types = await self.sharing.types(deed)
        if not types.isdisjoint(self.sharing.broker.policy.types):
            sources = ()
        wanted = Wanted(types, (deed.change.entity.id,), attributes=deed.attributes)
        return divided(sources, wanted, kind.names)

    async def _here(
        self, deeds: Sequence[Deed], shares: Sequence[Shares], local: Local
    ) -> list[Outcome | None]:
        pairs = list(zip(deeds, shares, strict=True))
        changes = [_left(deed, share) for deed, share in pairs]
        outcomes = iter(await local([change for change in changes if change]))
        found = [next(outcomes) if change else None for change in changes]
        return [
            None if outcome and share.proxied and outcome.error == "NotFound" else outcome
            for outcome, share in zip(found, shares, strict=True)
        ]

    async def _source(self, one: Registration, items: Sequence[Item], kind: Kind) -> list[Told]:
        request = items[0].deed.request
        if self.sharing.looping(one, request):
            trouble = problem(one, LOOP)
            return [Told(i.id, one.id, problem=trouble) for i in items] if one.proxied else []
        if kind.name in one.offers:
            groups: defaultdict[int, list[Item]] = defaultdict(list)
            for item in items:
                groups[id(item.deed.terms)].append(item)
            found = [await self._whole(one, group, kind) for group in groups.values()]
            return [told for part in found for told in part]
        limit = asyncio.Semaphore(AT_ONCE)

        async def single(item: Item) -> Told:
            async with limit:
                return await self._single(one, item, kind)

        return list(await asyncio.gather(*map(single, items)))

    async def _whole(self, one: Registration, items: Sequence[Item], kind: Kind) -> list[Told]:
        """All of them in one request; they are in the same words."""
        deed = items[0].deed
        parameters = {n: v for n, v in deed.request.parameters.items() if n != "local"}

        def write(words: Terms) -> Errand:
            bodies = [item.body(words) for item in items]
            return Errand("POST", ("entityOperations", kind.path), parameters, bodies)

        reply = await self.caller.call(one, deed.request, deed.terms, write)
        return _told(one, [item.id for item in items], reply)

    async def _single(self, one: Registration, item: Item, kind: Kind) -> Told:
        reply, created = LOOP, False
        for single in kind.singles:
            if single.name not in one.offers:
                continue
            reply = await self._one(one, item, single)
            created = single is _CREATE
            if reply.status != 409:
                break
        trouble = problem(one, reply)
        return Told(item.id, one.id, created and trouble is None, trouble)

    async def _one(self, one: Registration, item: Item, single: Single) -> Reply:
        deed = item.deed

        def write(words: Terms) -> Errand:
            named = () if single is _CREATE else (item.id, *single.suffix)
            body = None if single.method == "DELETE" else item.body(words)
            return Errand(single.method, ("entities", *named), single.parameters, body)

        return await self.caller.call(one, deed.request, deed.terms, write)


def _left(deed: Deed, share: Shares) -> Change | None:
    """What this broker does itself; an entity is deleted here too, wherever else it is."""
    if deed.change.operation == "delete":
        return deed.change
    return deed.only(share.here) if share.local else None


def _by_source(
    deeds: Sequence[Deed], shares: Sequence[Shares]
) -> Sequence[tuple[Registration, list[Item]]]:
    found: dict[str, tuple[Registration, list[Item]]] = {}
    for deed, share in zip(deeds, shares, strict=True):
        for part in share.elsewhere:
            _, items = found.setdefault(part.source.id, (part.source, []))
            items.append(Item(deed, part.attributes))
    return list(found.values())


def _told(one: Registration, ids: Sequence[str], reply: Reply) -> list[Told]:
    if reply.trouble or (reply.status == 207 and not isinstance(reply.json, dict)):
        trouble = problem(one, reply)
        return [Told(id, one.id, problem=trouble) for id in ids]
    wrong = _errors(reply) if reply.status == 207 else {}
    listed = reply.json if isinstance(reply.json, list) else ids
    new = frozenset(id for id in listed if isinstance(id, str))
    made = new if reply.status == 201 else frozenset[str]()
    return [Told(id, one.id, id in made, wrong.get(id)) for id in ids]


def _errors(reply: Reply) -> dict[str, Json]:
    """By entity, as the source tells them; what is not told so is left out."""
    listed = reply.json.get("errors")
    found = {}
    for error in listed[:MOST_TOLD] if isinstance(listed, list) else ():
        if isinstance(error, dict) and isinstance(error.get("entityId"), str):
            found[error["entityId"]] = error.get("error") or {"title": "An error of the source"}
    return found
