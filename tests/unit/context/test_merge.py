"""What becomes of an entity, clause by clause."""

from datetime import UTC, datetime

import pytest

from townsquare.context.instances import merged_value
from townsquare.context.merge import changed, differing
from townsquare.model.change import Change, Operation
from townsquare.model.entity import NULL, Attribute, Entity, Json

T0 = datetime(2030, 6, 1, 12, tzinfo=UTC)
T1 = datetime(2030, 6, 1, 13, tzinfo=UTC)


def of(*types: str, **attributes: Attribute | tuple[Attribute, ...]) -> Entity:
    given = {n: a if isinstance(a, tuple) else (a,) for n, a in attributes.items()}
    return Entity("urn:x", types, given)


def after(operation: Operation, before: Entity, fragment: Entity) -> Entity:
    first = changed(None, Change("create", before), T0)
    second = changed(first, Change(operation, fragment), T1)
    assert second is not None
    return second


def values(entity: Entity) -> dict[str, Json]:
    return {name: entity.value(name) for name in entity.attributes}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("merge", {"a": 1, "b": 20, "c": 30}),
        ("append", {"a": 1, "b": 20, "c": 30}),
        ("update", {"a": 1, "b": 20, "c": 30}),
        ("replace", {"b": 20, "c": 30}),
    ],
)
def test_operations_differ_in_what_they_add_and_keep(
    operation: Operation, expected: dict[str, int]
) -> None:
    before = of("T", a=Attribute(1), b=Attribute(2))
    fragment = of("T", b=Attribute(20), c=Attribute(30))
    assert values(after(operation, before, fragment)) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": 1, "b": 2}, {"b": NULL}, {"a": 1}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": 1}, [1], [1]),
        (5, {"a": 1}, {"a": 1}),
    ],
)
def test_values_merge_like_a_merge_patch(old: Json, new: Json, expected: Json) -> None:
    assert merged_value(old, new) == expected


def test_only_a_merge_goes_into_the_attribute() -> None:
    old = Attribute(5, unit_code="CEL", sub={"accuracy": Attribute(0.1)})
    merged = after("merge", of("T", a=old), of("T", a=Attribute(6))).get("a")
    updated = after("update", of("T", a=old), of("T", a=Attribute(6))).get("a")
    assert merged is not None
    assert updated is not None
    assert (merged.value, merged.unit_code, set(merged.sub)) == (6, "CEL", {"accuracy"})
    assert (updated.value, updated.unit_code, set(updated.sub)) == (6, None, set())


def test_instances_are_told_apart_by_dataset() -> None:
    before = of("T", a=(Attribute(1), Attribute(2, dataset_id="urn:d")))
    later = after("merge", before, of("T", a=Attribute(3, dataset_id="urn:d")))
    found = {i.dataset_id: i.value for i in later.attributes["a"]}
    assert found == {None: 1, "urn:d": 3}
    gone = after("merge", before, of("T", a=Attribute(NULL)))
    assert [i.dataset_id for i in gone.attributes["a"]] == ["urn:d"]


def test_types_are_added_and_never_taken_away() -> None:
    assert after("merge", of("A"), of("B", "A")).types == ("A", "B")


def test_times_and_version_tell_the_change() -> None:
    later = after("merge", of("T", a=Attribute(1), b=Attribute(2)), of("T", b=Attribute(3)))
    a, b = later.get("a"), later.get("b")
    assert a is not None
    assert b is not None
    assert (later.created_at, later.modified_at, later.version) == (T0, T1, 2)
    assert (a.modified_at, b.created_at, b.modified_at) == (T0, T0, T1)


def test_only_what_changed_differs() -> None:
    before = of("T", a=Attribute(1), b=Attribute(2))
    first = changed(None, Change("create", before), T0)
    later = changed(first, Change("merge", of("T", b=Attribute(NULL), c=Attribute(1))), T1)
    assert differing(first, later) == {"b", "c"}
