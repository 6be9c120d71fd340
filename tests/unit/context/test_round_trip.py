"""What is written can be read again, and is the same (clause 4.5: both forms are lossless)."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsquare.context.form.read import Format, read_entity
from townsquare.context.form.write import write_entity
from townsquare.context.jsonld import CORE_TERMS
from townsquare.model.entity import NULL, Attribute, Entity, Kind

LETTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyzäßπ")
NAMES = st.builds("".join, st.lists(LETTERS, min_size=3, max_size=5)).filter(
    lambda name: name not in CORE_TERMS.iris and CORE_TERMS.expand(name) == name
)
URIS = NAMES.map(lambda name: f"urn:x:{name}")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="@\0"), max_size=8)
SCALARS = st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.floats(-1e9, 1e9)
JSONS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("value"), inner),
    max_leaves=6,
)
POINTS = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(
    lambda place: {"type": "Point", "coordinates": list(place)}
)
LANGUAGES = st.dictionaries(st.sampled_from(["de", "en-GB", "@none"]), TEXTS, min_size=1)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2900, 1, 1), timezones=st.just(UTC))
VALUES: dict[Kind, st.SearchStrategy[object]] = {
    "Property": JSONS,
    "GeoProperty": POINTS,
    "Relationship": URIS | st.lists(URIS, min_size=1, max_size=3),
    "LanguageProperty": LANGUAGES,
    "VocabProperty": NAMES | st.lists(NAMES, min_size=1, max_size=2),
    "JsonProperty": st.dictionaries(TEXTS, JSONS, max_size=3),
    "ListProperty": st.lists(JSONS, max_size=3),
    "ListRelationship": st.lists(URIS, max_size=3),
}


def attributes(depth: int = 1) -> st.SearchStrategy[Attribute]:
    subs = st.dictionaries(NAMES, attributes(depth - 1), max_size=2) if depth else st.just({})

    def of(kind: Kind) -> st.SearchStrategy[Attribute]:
        unit = st.none() | st.just("C62") if kind == "Property" else st.none()
        return st.builds(
            Attribute,
            value=VALUES[kind],
            kind=st.just(kind),
            observed_at=st.none() | TIMES,
            unit_code=unit,
            sub=subs,
        )

    return st.sampled_from(sorted(VALUES)).flatmap(of)


@st.composite
def instances(draw: st.DrawFn) -> tuple[Attribute, ...]:
    datasets = draw(st.lists(st.none() | URIS, min_size=1, max_size=3, unique=True))
    return tuple(msgspec.structs.replace(draw(attributes()), dataset_id=d) for d in datasets)


ENTITIES = st.builds(
    Entity,
    id=URIS,
    types=st.lists(NAMES, min_size=1, max_size=2, unique=True).map(tuple),
    attributes=st.dictionaries(NAMES, instances(), max_size=3),
    scope=st.lists(NAMES.map(lambda name: f"/{name}"), max_size=2, unique=True).map(tuple),
)


@pytest.mark.parametrize("format", ["normalized", "concise"])
@settings(max_examples=60, deadline=None)
@given(entity=ENTITIES)
def test_what_is_written_is_read_again(format: Format, entity: Entity) -> None:
    json = msgspec.json.encode(write_entity(entity, CORE_TERMS, format))
    assert NULL.encode() not in json
    assert read_entity(msgspec.json.decode(json), CORE_TERMS) == entity
