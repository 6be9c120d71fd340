"""What people read of types and attributes: each that the log is about has words."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from tests.square import SQUARE
from townsquare import app
from townsquare.alerts import alert
from townsquare.alerts.lookout import Ended, Raised
from townsquare.model.actor import Actor
from townsquare.model.entity import Entity
from townsquare.model.rule import Rule
from townsquare.trust import approvals, versions
from townsquare.trust.change import Change
from townsquare.trust.identity import account, emergency, organisation, token
from townsquare.trust.policy import policy
from townsquare.vision import evaluated
from townsquare.vision.detect import DEFAULT
from townsquare.vision.detectors import listed
from townsquare.vision.evaluated import Evaluation, Model
from townsquare.vision.leases import leased


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
        alert.acknowledged(replace(raised.entity, version=1), by, now).entity,
        approvals.change(approvals.Approval("urn:x", request, "Town", 1)).entity,
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


def test_the_error_on_the_card_is_the_one_of_the_bench() -> None:
    """docs/vision.md has the table that the bench prints: truth, and what is counted by default."""
    table = (Path(__file__).parents[2] / "docs" / "vision.md").read_text()
    cell = r"\| (\d+) / (\d+) \| \*\*(\d+) / (\d+)\*\*"
    rows = [tuple(map(int, row)) for row in re.findall(cell, table)]
    there = sum(row[0] + row[1] for row in rows)
    counted = sum(min(row[0], row[2]) + min(row[1], row[3]) for row in rows)
    card = listed.card(DEFAULT)
    said = dict(card.for_everyone)["measured error"]
    assert f"of {there} people" in said
    assert f"{counted} were counted" in said
