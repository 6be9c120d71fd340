"""A glance tells what is told of the entity, or is none."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from townsquare.context.form.read import Format
from townsquare.context.form.write import write_entity
from townsquare.context.glance import Glance, Part, Usual, glanced, told, visible
from townsquare.context.jsonld import CORE_TERMS
from townsquare.model.entity import Attribute, Entity, Kind
from townsquare.trust import policy
from townsquare.trust.policy import Grant

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
TIMES: dict[str, Any] = {
    "created_at": AT,
    "modified_at": AT,
    "expires_at": AT,
    "instance_id": "urn:i:1",
}
FULL = Attribute(
    20.5, unit_code="CEL", observed_at=AT, dataset_id="urn:d:1", sub={"a": Attribute("x")}, **TIMES
)
TOLD = [
    FULL,
    Attribute(2.0),
    Attribute('"ü\n\\'),
    Attribute(None, kind="JsonProperty"),
    Attribute({"type": "Point", "coordinates": [1e-7, 2]}, kind="GeoProperty"),
    Attribute({"de": "Wert", "en": ["a", "b"]}, kind="LanguageProperty"),
    Attribute(["urn:a:1", "urn:a:2"], kind="Relationship"),
    Attribute([1, [2, "x"]], kind="ListProperty"),
    Attribute(1, sub={"b": Attribute(2, sub={"https://x.test/c": Attribute(3, **TIMES)})}),
]
SELDOM: list[Attribute] = [
    Attribute("https://x.test/word", kind="VocabProperty"),
    Attribute(["urn:a:1"], kind="ListRelationship"),
    Attribute(1, value_type="Integer"),
    Attribute("urn:a:1", kind="Relationship", object_type=("A",)),
    Attribute(1, entity_id_sealed="urn:a:1"),
    Attribute(1, entity_type_sealed="A"),
    Attribute(1, sub={"a": Attribute("w", kind="VocabProperty")}),
]


def entity(*attributes: Attribute, **more: Any) -> Entity:
    named = {f'https://x.test/{n}"': (one,) for n, one in enumerate(attributes)}
    return Entity("urn:ngsi-ld:T:1", ("T",), {"temperature": (FULL,), **named}, **more)


def glance_of(one: Entity) -> Glance:
    glance = glanced(msgspec.json.encode(one))
    assert glance is not None
    return glance


@pytest.mark.parametrize("format", ["normalized", "simplified"])
@pytest.mark.parametrize(
    "one",
    [
        *(entity(attribute) for attribute in TOLD),
        entity(scope=("/a",), created_at=AT, version=3),
        entity(scope=("/a", "/b"), expires_at=AT),
        entity(*TOLD),
        Entity("urn:ngsi-ld:T:1", ("T", "https://x.test/U")),
    ],
)
def test_a_glance_tells_the_same(one: Entity, format: Format) -> None:
    written = msgspec.json.encode(write_entity(one, CORE_TERMS, format))
    assert bytes(told(glance_of(one), CORE_TERMS, format)) == written


@pytest.mark.parametrize("attribute", SELDOM)
def test_what_is_seldom_is_no_glance(attribute: Attribute) -> None:
    assert glanced(msgspec.json.encode(entity(attribute))) is None


def test_several_instances_are_no_glance() -> None:
    one = Entity("urn:ngsi-ld:T:1", ("T",), {"a": (Attribute(1), Attribute(2, dataset_id="u:d"))})
    assert glanced(msgspec.json.encode(one)) is None


@pytest.mark.parametrize(
    "grant",
    [
        Grant(True),
        Grant(False),
        Grant(True, hidden=frozenset({"temperature"})),
        Grant(True, attributes=frozenset({"temperature"})),
        Grant(True, scopes=frozenset({"/b"})),
        Grant(True, not_scopes=frozenset({"/a"})),
    ],
)
def test_a_grant_shows_the_same(grant: Grant) -> None:
    one = entity(Attribute(1), scope=("/a",))
    seen, glance = policy.visible(one, grant), visible(glance_of(one), grant)
    assert (seen and glance_of(seen)) == glance


def test_everything_that_an_attribute_can_have_was_thought_of() -> None:
    never_told = {*TIMES, "deleted_at", "lang"}
    assert {*Attribute.__struct_fields__} == {*Part.__struct_fields__} | never_told
    assert {*get_args(Usual)} < {*get_args(Kind)}
