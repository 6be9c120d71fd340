"""Where warnings are drafted, approved by a second person, published, corrected and ended.

Always holds: nothing is published that was not approved as it stands, by another person than who
asked, at this moment; everyone reads what was published, and nobody
outside a draft.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from townsquare.alerts.incidents.desk import Visitor
from townsquare.alerts.incidents.incident import INCIDENT
from townsquare.alerts.warnings import drafting, warning
from townsquare.alerts.warnings.cap import Envelope, document, feed
from townsquare.alerts.warnings.message import Kind, Message, checked
from townsquare.alerts.warnings.types import WARNING
from townsquare.alerts.warnings.warning import Warning
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Order, Path, Query
from townsquare.model.actor import Actor
from townsquare.model.entity import Json, iso, urn
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.model.town import Town

ACT = "warning"
MOST_LISTED = 100
TOLD = timedelta(days=1)  # that the feed tells of a warning which was ended early
NEWEST = (Order(Path("createdAt"), descending=True),)
# What is wrong with the approval of this, which is used where nothing is.
Wrong = Callable[[str, str, Mapping[str, Json]], Awaitable[Sequence[str]]]
# The id of a request for approval; and the organisations of those who could agree.
Ask = Callable[[str, str, Mapping[str, Json], Actor], Awaitable[str]]
Could = Callable[[str, Actor], frozenset[str]]


@dataclass(frozen=True, slots=True)
class WarningDesk:
    """`address` is the town's own on the web, `sender` what CAP calls it."""

    broker: Broker
    town: Town
    address: str
    sender: str

    # --- drafts

    async def draft(self, incident: str, who: Visitor) -> str:
        """Its id. Raises Denied, NotFound."""
        found = await self.broker.read(incident, who.by, who.why)
        if INCIDENT not in found.types:
            raise NotFound(f"{incident} is no incident")
        message = drafting.drafted(found, self.town, self.broker.clock())
        id = self._fresh_id()
        change = warning.drafted(id, message, who.by.id, incident)
        await self.broker.apply([change], who.by, who.why)
        return id

    async def follow(self, id: str, kind: Kind, who: Visitor) -> str:
        """The id of the draft that corrects or ends it. Raises Conflict, Denied, NotFound."""
        before, made = await self.one(id, who), self._fresh_id()
        change = warning.following(made, before, kind, who.by.id, self.town)
        await self.broker.apply([change], who.by, who.why)
        return made

    async def edit(self, id: str, message: Message, seen: int, who: Visitor) -> None:
        """`seen`: the version it was made from. Raises Conflict, Denied, Invalid, NotFound."""
        now = await self.one(id, who)
        if seen != now.version:
            raise Conflict(f"{now.title} was changed meanwhile by {now.edited_by}; look again")
        checked(message, self.broker.clock())
        await self.broker.apply([warning.edited(now, message, who.by.id)], who.by, who.why)

    async def give_up(self, id: str, who: Visitor) -> None:
        """Raises Conflict, Denied, NotFound."""
        now = await self.one(id, who)
        await self.broker.apply([warning.given_up(now, who.by.id)], who.by, who.why)

    def _fresh_id(self) -> str:
        return urn(WARNING, f"{self.broker.clock():%Y%m%d}-{secrets.token_hex(4)}")

    # --- publishing

    async def ask(self, id: str, who: Visitor, ask: Ask, could: Could) -> str:
        """The id of the request for approval. Raises Conflict, Denied, Invalid, NotFound."""
        now = await self.one(id, who)
        grant = self.broker.grant(who.by, who.why, "write", WARNING)
        if not grant.allowed:
            raise Denied(grant.reason)
        if who.by.kind != "person" or not could(ACT, who.by):
            raise Denied(
                "a warning takes a second person: nobody else here has an account with a passkey"
                " and is an operator; invite somebody at /accounts"
            )
        warning.require_draft(now)
        checked(now.message, self.broker.clock())
        return await ask(ACT, id, warning.detail(now), who.by)

    async def publish(self, id: str, asked_by: str, approved_by: str, wrong: Wrong) -> None:
        """With the last approval. Raises Conflict, Denied, Invalid, NotFound."""
        now = warning.warning(await self.broker.read(id, ROOM, WHY))
        at = self.broker.clock()
        warning.require_draft(now)
        checked(now.message, at)
        if objections := await wrong(ACT, id, warning.detail(now)):
            raise Denied(f"this is not approved: {'; '.join(objections)}")
        envelope = self.envelope(now, draft=False)
        agreed = (asked_by, approved_by)
        changes = [warning.published(now, envelope, agreed, self.town, self.address)]
        if now.replaces:
            before = warning.warning(await self.broker.read(now.replaces, ROOM, WHY))
            changes.append(warning.replaced(before, id))
        await self.broker.apply(changes, ROOM, WHY)

    def envelope(self, now: Warning, *, draft: bool) -> Envelope:
        at = self.broker.clock().replace(microsecond=0)
        return Envelope(now.id, self.sender, at, now.kind, now.references, draft)

    # --- reading

    async def one(self, id: str, who: Visitor) -> Warning:
        """Raises NotFound."""
        found = await self.broker.read(id, who.by, who.why)
        if WARNING not in found.types:
            raise NotFound(f"{id} is no warning")
        return warning.warning(found)

    async def latest(self, who: Visitor, incident: str = "") -> list[Warning]:
        """Newest first; of one incident, where it is named. Raises Invalid."""
        q = parse(f'incident=="{_id(incident)}"') if incident else None
        query = Query((WARNING,), q=q, order=NEWEST, limit=MOST_LISTED)
        page = await self.broker.find(query, who.by, who.why)
        return [warning.warning(one) for one in page.entities]

    def drafted(self, now: Warning) -> bytes:
        """As it would be published, with the status Draft."""
        return document(now.message, self.envelope(now, draft=True), self.town, self.address)

    # --- for everyone

    async def current(self) -> list[Warning]:
        """What warns now, newest first."""
        now = self.broker.clock()
        return [one for one in await self._published() if one.lasts(now)]

    async def told(self) -> bytes:
        """The feed: what warns, and for a day what was corrected or ended, with by what."""
        now = self.broker.clock()
        lately = [
            one
            for one in await self._published()
            if one.message.expires > now
            and (one.lasts(now) or (one.sent and one.sent > now - TOLD))
        ]
        return feed([warning.entry(one) for one in lately], self.town, self.address, now)

    async def public(self, id: str) -> str:
        """The document as it was published. Raises NotFound, for drafts too."""
        found = await self.broker.read(id, ROOM, WHY)
        one = warning.warning(found) if WARNING in found.types else None
        if one is None or one.state != warning.PUBLISHED:
            raise NotFound(f"there is no warning {id} that was published")
        return one.document

    async def _published(self) -> list[Warning]:
        q = parse(f'state=="published";expires>={iso(self.broker.clock())}')
        query = Query((WARNING,), q=q, order=(Order(Path("sent"), descending=True),), limit=500)
        page = await self.broker.find(query, ROOM, WHY)
        return [warning.warning(one) for one in page.entities]


def _id(text: str) -> str:
    """Raises Invalid."""
    if not re.fullmatch(r"[\w:.-]{1,200}", text):
        raise Invalid(f"incident {text[:80]!r} is no id; give such as urn:ngsi-ld:Incident:1")
    return text
