"""What people read of types and attributes: each that the log is about has words."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from tests.square import SQUARE
from townsquare import app
from townsquare.alerts import alert, commands
from townsquare.alerts.handover import handover
from townsquare.alerts.handover.report import Report
from townsquare.alerts.sight import Ended, Raised
from townsquare.alerts.warnings import warning
from townsquare.alerts.warnings.cap import Envelope
from townsquare.alerts.warnings.drafting import drafted
from townsquare.model.actor import Actor
from townsquare.model.entity import NULL, Attribute, Entity, entity
from townsquare.model.rule import Rule
from townsquare.model.town import Town
from townsquare.trust import approval_entity, approvals, versions
from townsquare.trust.change import Change
from townsquare.trust.identity import account, emergency, organisation, token
from townsquare.trust.policy import policy
from townsquare.vision import evaluated
from townsquare.vision.detect import DEFAULT
from townsquare.vision.detectors import listed
from townsquare.vision.evaluated import Evaluation, Model
from townsquare.vision.leases import leased


def stored(written: Entity) -> Entity:
    """As the broker keeps what was written with attributes that are taken away."""
    left = {n: a for n, a in written.attributes.items() if written.value(n) != NULL}
    return replace(written, attributes=left, version=1)


def alarm_commands(raised: Entity, deed: commands.Deed) -> list[Entity]:
    until = deed.at + timedelta(hours=1)
    put_by = commands.shelved(raised, deed, commands.Shelf(until, once=True)).entity
    return [
        commands.acknowledged(raised, deed).entity,
        put_by,
        commands.unshelved(put_by, deed).entity,
        alert.changed(raised, alert.facts(raised), deed.said("reset"), deed.at).entity,
    ]


def handed_over(at: datetime, by: Actor) -> list[Entity]:
    report = Report(at - timedelta(hours=8), at)
    made = handover.written("urn:h", report, "notes", ["one"], by, at).entity
    other = replace(by, id="urn:ngsi-ld:Person:f")
    return [made, handover.accepted(made, "so", other, at).entity]


def warned(at: datetime, by: Actor) -> list[Entity]:
    found = entity("urn:i", "Incident", name=Attribute("Fire"), severity=Attribute("high"))
    town = Town()
    made = warning.drafted("urn:w", drafted(found, town, at), by.id, "urn:i").entity
    first = warning.warning(made)
    sent = Envelope("urn:w", "host", at, "Alert")
    told = warning.published(first, sent, (by.id, by.id), town, "").entity
    out = warning.warning(Entity("urn:w", made.types, {**made.attributes, **told.attributes}))
    next_ = warning.following("urn:x", out, "Cancel", by.id, town).entity
    return [made, told, next_, warning.replaced(out, "urn:x").entity]


def test_every_attribute_of_what_the_log_is_about_has_words() -> None:
    now = datetime(2030, 6, 1, tzinfo=UTC)
    known = {type.name: type.words for type in app.TYPES if type.accountable}
    assert {name for name, words in known.items() if not words.one} == set()
    by = Actor("urn:ngsi-ld:Person:e", "person", "Town", frozenset({"operator"}))
    request = approvals.asked("preview", "urn:x", {}, by.id, now)
    person, _ = account.invited("Eve", "Town", ["operator"], None, now)
    wanted = token.Wanted("tests", "Town", frozenset({"operator"}), now + timedelta(days=1))
    waiting = emergency.waiting(person, now)
    rules = policy(app.TYPES)
    source = Entity("urn:s", ("Flow",))
    rule = Rule("full", "Full", "Flow", "n", above=2, clear_below=1)
    raised, standing = alert.followed(Raised("urn:a", rule, source, 2.0, now, 1), alert.Standing())
    written = [
        raised.entity,
        alert.followed(Ended("urn:a", now, 2), standing)[0].entity,
        *handed_over(now, by),
        *warned(now, by),
        *alarm_commands(stored(raised.entity), commands.Deed(by, now, "why")),
        approval_entity.change(approvals.Approval("urn:x", request, "Town", 1)).entity,
        account.change(person).entity,
        account.doubted(person, now).entity,
        token.change(token.made(wanted, now)[0]).entity,
        organisation.change("Town", now).entity,
        (opened := emergency.opened(waiting, person, now).entity),
        emergency.closed(opened.id, now).entity,
        leased(SQUARE, SQUARE.purposes[0], by, now),
        evaluated.to_entity("square", "x", Evaluation(now, 15, "day", Model(), "engineer", {}, {})),
        versions.in_force(rules, "own", now).entity,
        versions.proposed(rules, Change(), now).entity,
        versions.unknown(rules, Change(), now).entity,
        versions.replaced("urn:x", now).entity,
        versions.signed("urn:x", {}).entity,
    ]
    for one in written:
        (type,) = one.types
        assert one.attributes.keys() <= known[type].attributes.keys(), type


def test_every_model_tells_citizens_what_it_can_and_cannot_tell_and_its_error() -> None:
    for card in listed.cards():
        told = dict(card.for_everyone)
        assert {"can tell", "cannot tell", "measured error", "not measured"} <= told.keys()
        assert card.name != card.model.name
        assert not dict(card.for_engineers).keys() & told.keys()


def test_the_error_on_a_card_is_the_one_of_the_bench() -> None:
    """docs/vision.md has what the bench prints: errors at 10, 5 and 3.33 pictures a second."""
    text = (Path(__file__).parents[2] / "docs" / "vision.md").read_text()
    crossings = int(re.findall(r"(\d+) crossings in all", text)[0])
    row = r"^\| townsquare \| `([^`]+)` \| \W*\d+\W* \| \W*(\d+)\W* \|"
    printed = {name: (int(off), crossings) for name, off in re.findall(row, text, re.MULTILINE)}
    stated = {card.model.name: card.model.error for card in listed.cards() if card.model.error}
    assert {name: (error.off, error.crossings) for name, error in stated.items()} == printed
    assert DEFAULT in stated
    said = dict(listed.card(DEFAULT).for_everyone)["measured error"]
    assert f"off by {stated[DEFAULT].off} in {crossings} crossings" in said


def test_the_error_of_a_model_that_nobody_measured_is_said_to_be_unknown() -> None:
    told = dict(listed.card("yolox-s").for_everyone)
    assert told["measured error"].startswith("not measured")
