"""A warning as a CAP 1.2 document, and a list of them as an Atom feed. Pure.

Always holds: elements come in the order of the standard's schema; times carry a numeric offset,
UTC as -00:00; nobody's text is taken for markup.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

from msgspec import Struct

from townsquare.alerts.warnings.message import Kind, Message, Text
from townsquare.model.entity import iso
from townsquare.model.town import Town

CAP, ATOM = "urn:oasis:names:tc:emergency:cap:1.2", "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"


class Envelope(Struct, frozen=True):
    """What makes a message this one. `references` are "sender,identifier,sent" of earlier ones.
    A draft that is only looked at has the status Draft.
    """

    identifier: str
    sender: str
    sent: datetime
    kind: Kind
    references: tuple[str, ...] = ()
    draft: bool = False


def moment(at: datetime, town: Town) -> str:
    """To the second, on the town's clock."""
    local = town.local(at).replace(microsecond=0)
    text = local.isoformat()
    return text if local.utcoffset() else text[:-6] + "-00:00"


def reference(envelope: Envelope, town: Town) -> str:
    return f"{envelope.sender},{envelope.identifier},{moment(envelope.sent, town)}"


def document(message: Message, envelope: Envelope, town: Town, web: str) -> bytes:
    """`web` is where people read more."""
    alert = ET.Element("alert", xmlns=CAP)
    _add(alert, "identifier", envelope.identifier)
    _add(alert, "sender", envelope.sender)
    _add(alert, "sent", moment(envelope.sent, town))
    _add(alert, "status", "Draft" if envelope.draft else message.status)
    _add(alert, "msgType", envelope.kind)
    _add(alert, "scope", "Public")
    _add(alert, "note", message.note)
    _add(alert, "references", " ".join(envelope.references))
    for text in message.texts:
        _info(alert, message, text, town, web)
    return _written(alert)


def _info(alert: ET.Element, message: Message, text: Text, town: Town, web: str) -> None:
    info = ET.SubElement(alert, "info")
    _add(info, "language", text.language)
    _add(info, "category", message.category)
    _add(info, "event", text.event)
    _add(info, "responseType", message.response)
    _add(info, "urgency", message.urgency)
    _add(info, "severity", message.severity)
    _add(info, "certainty", message.certainty)
    _add(info, "onset", moment(message.onset, town) if message.onset else "")
    _add(info, "expires", moment(message.expires, town))
    _add(info, "senderName", town.name)
    _add(info, "headline", text.headline)
    _add(info, "description", text.description)
    _add(info, "instruction", text.instruction)
    _add(info, "web", web)
    for one in message.areas:
        area = ET.SubElement(info, "area")
        _add(area, "areaDesc", one.description)
        for polygon in one.polygons:
            _add(area, "polygon", " ".join(polygon.split()))
        for circle in one.circles:
            _add(area, "circle", " ".join(circle.split()))


class Entry(Struct, frozen=True):
    """A published warning as the feed tells it."""

    id: str
    title: str
    summary: str
    sent: datetime
    expires: datetime


def feed(entries: Sequence[Entry], town: Town, address: str, now: datetime) -> bytes:
    """Newest first; one that is empty was made now."""
    atom = ET.Element("feed", xmlns=ATOM)
    own = f"{address}/open-data/warnings.atom"
    _add(atom, "id", own)
    _add(atom, "title", f"Warnings of {town.name}")
    newest = max((one.sent for one in entries), default=now)
    _add(atom, "updated", _utc(newest))
    ET.SubElement(atom, "link", rel="self", type="application/atom+xml", href=own)
    author = ET.SubElement(atom, "author")
    _add(author, "name", town.name)
    for one in entries:
        entry = ET.SubElement(atom, "entry")
        _add(entry, "id", one.id)
        _add(entry, "title", one.title)
        _add(entry, "updated", _utc(one.sent))
        _add(entry, "summary", one.summary)
        href = f"{address}/open-data/warnings/{one.id}.xml"
        ET.SubElement(entry, "link", rel="alternate", type=CAP_TYPE, href=href)
    return _written(atom)


def _utc(at: datetime) -> str:
    return iso(at - timedelta(microseconds=at.microsecond))


def _add(parent: ET.Element, name: str, text: str) -> None:
    """An element that has no text is left out."""
    if text:
        ET.SubElement(parent, name).text = text


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
