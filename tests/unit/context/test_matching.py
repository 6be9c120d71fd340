"""Whom a change concerns, and what waits for a subscriber."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from townsquare.context.subscriptions import pending
from townsquare.context.subscriptions.kept import Kept
from townsquare.context.subscriptions.matching import (
    Compiled,
    Index,
    compiled,
    concerns,
    difference,
)
from townsquare.context.subscriptions.naming import in_other_words
from townsquare.context.subscriptions.pending import Pending
from townsquare.context.subscriptions.wire import Subscription
from townsquare.model.actor import ANYONE, Why
from townsquare.model.change import Changed
from townsquare.model.entity import Attribute, Entity

AT = datetime(2030, 1, 1, tzinfo=UTC)


def subscription(name: str = "one", **members: Any) -> Compiled:
    body = {
        "id": f"urn:s:{name}",
        "type": "Subscription",
        "notification": {"endpoint": {"uri": "http://h/"}},
        **members,
    }
    given = convert(body, Subscription)
    return compiled(Kept(given, {}, "", ANYONE, Why("operations"), AT, AT))


def bin_of(id: str = "urn:x:1", types: tuple[str, ...] = ("Bin",), **values: Any) -> Entity:
    attributes = {n: (Attribute(v, modified_at=AT),) for n, v in values.items()}
    return Entity(id, types, attributes, created_at=AT)


def news(before: Entity | None, after: Entity | None, seq: int = 1) -> Changed:
    names = {n for e in (before, after) if e for n in e.attributes}
    return Changed(seq, AT, "me", "", before, after, frozenset(names))


@pytest.mark.parametrize(
    ("before", "after", "created", "updated", "deleted"),
    [
        (None, {"a": 1}, "a", "", ""),
        ({"a": 1}, {"a": 1}, "", "", ""),
        ({"a": 1}, {"a": 2}, "", "a", ""),
        ({"a": 1, "b": 1}, {"a": 1, "c": 1}, "c", "", "b"),
        ({"a": 1, "b": 1}, None, "", "", "ab"),
    ],
)
def test_difference(
    before: Mapping[str, int] | None,
    after: Mapping[str, int] | None,
    created: str,
    updated: str,
    deleted: str,
) -> None:
    was, is_ = (None if v is None else bin_of("urn:x:1", ("Bin",), **v) for v in (before, after))
    found = difference(news(was, is_))
    names = (found.created, found.updated, found.deleted)
    assert tuple(map(frozenset, (created, updated, deleted))) == names


def test_an_instance_of_several_that_goes_is_a_deletion() -> None:
    one, other = Attribute(1), Attribute(2, dataset_id="urn:d:1")
    before = Entity("urn:x:1", ("Bin",), {"a": (one, other)})
    after = Entity("urn:x:1", ("Bin",), {"a": (one,)})
    assert difference(news(before, after)).deleted == {"a"}
    assert difference(news(after, before)).created == {"a"}


@pytest.mark.parametrize(
    "changes",
    [
        {"observed_at": AT},
        {"unit_code": "C62"},
        {"kind": "VocabProperty"},
        {"sub": {"b": Attribute(1)}},
    ],
)
def test_any_part_of_an_attribute_counts_as_its_change(changes: dict[str, Any]) -> None:
    before = Entity("urn:x:1", ("Bin",), {"a": (Attribute(1, modified_at=AT),)})
    after = Entity("urn:x:1", ("Bin",), {"a": (Attribute(1, **changes),)})
    assert difference(news(before, after)).updated == {"a"}


ASKED: list[dict[str, Any]] = [
    {"entities": [{"type": "Bin"}]},
    {"entities": [{"type": "(Bin;Full)|Skip"}]},
    {"entities": [{"type": "*"}], "watchedAttributes": ["a"]},
    {"entities": [{"type": "*", "idPattern": "2$"}]},
    {"entities": [{"type": "Bin", "id": "urn:x:2"}]},
    {"entities": [{"type": "Skip"}, {"type": "*", "id": ["urn:x:1", "urn:x:3"]}]},
    {"watchedAttributes": ["a", "c"]},
    {"localOnly": True},
]


@given(
    id=st.sampled_from(["urn:x:1", "urn:x:2", "urn:x:3"]),
    types=st.sets(st.sampled_from(["Bin", "Full", "Skip", "Road"]), min_size=1),
    names=st.sets(st.sampled_from("abc"), min_size=1),
)
def test_the_index_finds_everybody_who_is_concerned(
    id: str, types: set[str], names: set[str]
) -> None:
    index, everybody = Index(), [subscription(str(n), **m) for n, m in enumerate(ASKED)]
    for one in everybody:
        index.put(one)
    change = news(None, bin_of(id, tuple(types), **dict.fromkeys(names, 1)))
    what = difference(change)
    concerned = [one for one in everybody if concerns(one, change, what)]
    found = list(index.candidates(change))
    assert all(one in found for one in concerned)
    for one in everybody:
        index.drop(one)
    assert not list(index.candidates(change))


def test_the_index_leaves_out_those_of_other_types_ids_and_tenants() -> None:
    index = Index()
    for n in range(100):
        index.put(subscription(f"t{n}", entities=[{"type": f"Type{n}"}]))
        index.put(subscription(f"i{n}", entities=[{"type": "*", "id": f"urn:x:{n}"}]))
        index.put(subscription(f"a{n}", watchedAttributes=[f"a{n}"]))
    found = index.candidates(news(None, bin_of("urn:x:7", ("Type7",), a7=1)))
    assert {one.kept.id for one in found} == {"urn:s:t7", "urn:s:i7", "urn:s:a7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bin", "x:Bin"),
        ("(Bin;Full)|Skip", "(x:Bin;x:Full)|x:Skip"),
        ("road{name,width}", "x:road{x:name,x:width}"),
        ("*", "*"),
        ("id", "id"),
    ],
)
def test_names_are_renamed_wherever_they_stand(text: str, expected: str) -> None:
    assert in_other_words(text, lambda name: f"x:{name}") == expected


# --- what waits


def test_what_waits_keeps_the_first_state_and_the_last_news() -> None:
    waiting = Pending()
    one, two, three = (bin_of(a=n) for n in (1, 2, 3))
    waiting.add(news(one, two, seq=5))
    waiting.add(news(two, three, seq=7))
    assert waiting.since == 5
    items, upto = waiting.take()
    assert (items["urn:x:1"].before, items["urn:x:1"].gone, upto) == (one, None, 7)
    assert not waiting
    assert waiting.since == 5  # until it is told
    waiting.told()
    assert waiting.since == 0


def test_an_end_is_told_before_the_beginning_that_follows() -> None:
    waiting = Pending()
    one, again = bin_of(a=1), bin_of(a=9)
    waiting.add(news(one, None, seq=5))
    waiting.add(news(None, again, seq=6))
    items, upto = waiting.take()
    assert (items["urn:x:1"].gone, upto) == (one, 4)
    waiting.told()
    items, upto = waiting.take()
    assert (items["urn:x:1"].gone, items["urn:x:1"].before, upto) == (None, None, 6)


def test_what_came_and_went_after_an_end_is_only_that_end() -> None:
    waiting = Pending()
    one, again = bin_of(a=1), bin_of(a=9)
    for seq, change in enumerate([(one, None), (None, again), (again, None)], start=5):
        waiting.add(news(*change, seq=seq))
    items, _ = waiting.take()
    assert items["urn:x:1"].gone == one
    assert not waiting


def test_what_could_not_be_told_is_told_with_what_came_meanwhile() -> None:
    waiting = Pending()
    one, two, three = (bin_of(a=n) for n in (1, 2, 3))
    waiting.add(news(one, two, seq=5))
    items, _ = waiting.take()
    waiting.add(news(two, three, seq=6))
    waiting.add(news(None, bin_of("urn:x:2"), seq=7))
    waiting.put_back(items)
    assert waiting.since == 5
    items, upto = waiting.take()
    assert list(items) == ["urn:x:1", "urn:x:2"]
    assert (items["urn:x:1"].before, upto) == (one, 7)


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST", 3)
    waiting = Pending()
    for n in range(5):
        waiting.add(news(None, bin_of(f"urn:x:{n}"), seq=n + 1))
    items, upto = waiting.take()
    assert (list(items), waiting.lost, upto) == (["urn:x:2", "urn:x:3", "urn:x:4"], 2, 5)
