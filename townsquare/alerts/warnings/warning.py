"""A warning as an entity: a draft, then one message that is published and never changed. Pure.

Always holds: what is published is what was approved, to the letter; a message that corrects or ends
another names all that were before it, and one message is corrected or ended once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from townsquare.alerts.warnings.cap import Entry, Envelope, document, reference
from townsquare.alerts.warnings.message import Kind, Message
from townsquare.alerts.warnings.types import WARNING
from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json, iso, relationship
from townsquare.model.errors import Conflict
from townsquare.model.town import Town

DRAFT, PUBLISHED, GIVEN_UP = "draft", "published", "givenUp"
GONE = Attribute(NULL)


@dataclass(frozen=True, slots=True)
class Warning:
    """`references` are those of the messages before it, as CAP writes them."""

    id: str
    state: str
    kind: Kind
    message: Message
    incident: str
    replaces: str
    references: tuple[str, ...]
    replaced_by: str
    edited_by: str
    approved_by: str
    sender: str
    sent: datetime | None
    document: str
    version: int

    @property
    def title(self) -> str:
        return self.message.texts[0].headline if self.message.texts else self.id

    def lasts(self, now: datetime) -> bool:
        """Whether it warns at this moment."""
        ended = self.kind == "Cancel" or self.replaced_by or self.message.expires <= now
        return self.state == PUBLISHED and not ended


def warning(found: Entity) -> Warning:
    sent = found.value("sent")
    return Warning(
        found.id,
        str(found.value("state")),
        cast("Kind", found.value("kind")),
        msgspec.convert(found.value("message"), Message),
        str(found.value("incident") or ""),
        str(found.value("replaces") or ""),
        tuple(found.value("references") or ()),
        str(found.value("replacedBy") or ""),
        str(found.value("editedBy") or ""),
        str(found.value("approvedBy") or ""),
        str(found.value("sender") or ""),
        datetime.fromisoformat(sent) if sent else None,
        str(found.value("document") or ""),
        found.version,
    )


def drafted(id: str, message: Message, by: str, incident: str = "") -> Change:
    facts = {"state": _plain(DRAFT), "kind": _plain("Alert"), **_content(message, by)}
    if incident:
        facts["incident"] = (relationship(incident),)
    return Change("create", Entity(id, (WARNING,), facts))


def following(id: str, before: Warning, kind: Kind, by: str, town: Town) -> Change:
    """The draft of a message that corrects or ends this one. Raises Conflict."""
    if before.state != PUBLISHED or before.sent is None:
        raise Conflict(f"{before.title} is not published; there is nothing to correct or end")
    if before.kind == "Cancel" or before.replaced_by:
        raise Conflict(f"{before.title} was ended or corrected already; go on from the last one")
    named = reference(Envelope(before.id, before.sender, before.sent, before.kind), town)
    facts = {
        "state": _plain(DRAFT),
        "kind": _plain(kind),
        "replaces": (relationship(before.id),),
        "references": (Attribute([*before.references, named], kind="JsonProperty"),),
        **_content(before.message, by),
    }
    if before.incident:
        facts["incident"] = (relationship(before.incident),)
    return Change("create", Entity(id, (WARNING,), facts))


def edited(now: Warning, message: Message, by: str) -> Change:
    """Raises Conflict."""
    require_draft(now)
    return _change(now, _content(message, by))


def given_up(now: Warning, by: str) -> Change:
    """Raises Conflict."""
    require_draft(now)
    return _change(now, {"state": _plain(GIVEN_UP), "editedBy": (relationship(by),)})


def published(
    now: Warning, envelope: Envelope, agreed: tuple[str, str], town: Town, web: str
) -> Change:
    """`agreed` are who asked and who approved. Raises Conflict."""
    require_draft(now)
    asked_by, approved_by = agreed
    text = document(now.message, envelope, town, web).decode()
    facts = {
        "state": _plain(PUBLISHED),
        "sender": _plain(envelope.sender),
        "sent": _plain(iso(envelope.sent)),
        "expires": _plain(iso(now.message.expires)),
        "askedBy": (relationship(asked_by),),
        "approvedBy": (relationship(approved_by),),
        "document": _plain(text),
    }
    return _change(now, facts)


def replaced(before: Warning, by: str) -> Change:
    """Raises Conflict."""
    if before.replaced_by:
        raise Conflict(f"{before.title} was ended or corrected already by {before.replaced_by}")
    return _change(before, {"replacedBy": (relationship(by),)})


def detail(now: Warning) -> Mapping[str, Json]:
    """What whoever approves it sees and signs: all that becomes public."""
    said = now.message
    texts = {
        f"in {text.language}": [text.event, text.headline, text.description, text.instruction]
        for text in said.texts
    }
    return {
        "message": {"Alert": "a warning", "Update": "a correction", "Cancel": "an end"}[now.kind],
        "status": said.status,
        "severity, urgency, certainty": f"{said.severity}, {said.urgency}, {said.certainty}",
        "what to do": said.response,
        "category": said.category,
        "from": iso(said.onset) if said.onset else "now",
        "until": iso(said.expires),
        **texts,
        "where": [
            " · ".join((area.description, *area.polygons, *area.circles)) for area in said.areas
        ],
        "note": said.note,
        "references": list(now.references),
        "sum of the content (SHA-256)": digest(now),
    }


def digest(now: Warning) -> str:
    content = {"kind": now.kind, "references": now.references, "message": now.message}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def entry(one: Warning) -> Entry:
    text = one.message.texts[0]
    prefix = {"Alert": "", "Update": "Update: ", "Cancel": "Over: "}[one.kind]
    if one.message.status != "Actual":
        prefix = f"[{one.message.status}] {prefix}"
    sent = one.sent or one.message.expires
    return Entry(one.id, prefix + text.headline, text.description, sent, one.message.expires)


def require_draft(now: Warning) -> None:
    if now.state != DRAFT:
        raise Conflict(f"{now.title} is no draft any more; correct or end it by another message")


def _content(message: Message, by: str) -> dict[str, Instances]:
    title = message.texts[0].headline if message.texts else "Warning"
    return {
        "name": _plain(title),
        "message": (Attribute(msgspec.to_builtins(message), kind="JsonProperty"),),
        "editedBy": (relationship(by),),
    }


def _change(now: Warning, facts: Mapping[str, Instances]) -> Change:
    return Change("merge", Entity(now.id, (WARNING,), facts), if_version=now.version)


def _plain(value: Json) -> Instances:
    return (Attribute(value),)
