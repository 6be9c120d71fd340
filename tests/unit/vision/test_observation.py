"""The types of the gate, walked: no field has room for what must not leave."""

from collections.abc import Iterator

import pytest
from msgspec import inspect

from townsquare.vision.observation import Said

# Texts that a worker was given and says again; the house refuses others.
NAMES = {"camera", "line", "zone", "entry", "exit"}
SETS = {"bands"}  # how many, of a closed window
SUMS = {"counts"}  # of lines that were asked about, of which each is walked too
PAIRS = {"size"}  # of the whole picture


def kinds() -> list[inspect.StructType]:
    union = inspect.type_info(Said)
    assert isinstance(union, inspect.UnionType)
    found = [kind for kind in union.types if isinstance(kind, inspect.StructType)]
    assert len(found) == len(union.types)
    return found


def alternatives(kind: inspect.Type) -> Iterator[inspect.Type]:
    yield from kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def inner(kind: inspect.StructType) -> Iterator[inspect.StructType]:
    yield kind
    for field in kind.fields:
        match field.type:
            case inspect.VarTupleType(inspect.StructType() as part):
                yield from inner(part)


FIELDS = [
    pytest.param(name, one, id=f"{kind.cls.__name__}.{name}")
    for outer in kinds()
    for kind in inner(outer)
    for field in kind.fields
    for name in [field.name]
    for one in alternatives(field.type)
]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.cls.__name__)
def test_a_kind_is_frozen_says_what_it_is_and_has_no_room_for_more(
    kind: inspect.StructType,
) -> None:
    assert kind.forbid_unknown_fields
    assert kind.tag_field == "observed"
    assert kind.cls.__struct_config__.frozen


@pytest.mark.parametrize(("name", "kind"), FIELDS)
def test_a_field_is_a_word_of_a_list_a_bounded_number_a_time_or_yes_or_no(
    name: str, kind: inspect.Type
) -> None:
    match kind:
        case inspect.LiteralType(values):
            assert all(isinstance(word, str) for word in values)
        case inspect.IntType() | inspect.FloatType():
            assert kind.ge is not None
            assert kind.le is not None or kind.lt is not None
        case inspect.DateTimeType():
            assert kind.tz is True
        case inspect.StrType():
            assert name in NAMES
        case inspect.TupleType(two):
            assert name in PAIRS
            assert all(isinstance(one, inspect.IntType) and one.le for one in two)
        case inspect.VarTupleType(inspect.IntType(le=most)):
            assert name in SETS
            assert kind.max_length is not None
            assert most is not None
        case inspect.VarTupleType(inspect.StructType() as sums):
            assert name in SUMS
            assert kind.max_length is not None
            assert sums.forbid_unknown_fields
        case _:
            assert isinstance(kind, inspect.NoneType | inspect.BoolType)
