"""Which sources have a part in a request (clause 5.12). Pure."""

from collections.abc import Iterable
from functools import lru_cache

import re2
from msgspec import Struct

from townsquare.context.query import QUIET
from townsquare.context.sources.registration import Group, Information, Registration


class Wanted(Struct, frozen=True):
    """What a request is about, in canonical names; empty means any."""

    types: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    pattern: str = ""
    attributes: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()


def every_type(choices: Iterable[str | frozenset[str]]) -> frozenset[str]:
    """All types that a selection of types names."""
    return frozenset().union(*({c} if isinstance(c, str) else c for c in choices))


def matches(one: Registration, wanted: Wanted) -> bool:
    if wanted.datasets and one.dataset_id and wanted.datasets.isdisjoint(one.dataset_id):
        return False
    return any(True for _ in parts(one, wanted))


def parts(one: Registration, wanted: Wanted) -> Iterable[Information]:
    """What of the registration's information has to do with what is wanted."""
    return (part for part in one.information if _fits(part, wanted))


def _fits(part: Information, wanted: Wanted) -> bool:
    named = part.attributes
    if wanted.attributes and named and wanted.attributes.isdisjoint(named):
        return False
    return part.entities is None or any(has(entity, wanted) for entity in part.entities)


def has(entity: Group, wanted: Wanted) -> bool:
    if wanted.types and wanted.types.isdisjoint(entity.types):
        return False
    if entity.id is not None:
        return _wants(wanted, entity.id)
    if entity.id_pattern is not None and wanted.ids:
        return any(_like(entity.id_pattern, id) for id in wanted.ids)
    return True  # two patterns may always have something in common


def _wants(wanted: Wanted, id: str) -> bool:
    if wanted.ids:
        return id in wanted.ids
    return not wanted.pattern or _like(wanted.pattern, id)


def _like(pattern: str, id: str) -> bool:
    return bool(_compiled(pattern).search(id))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> "re2._Regexp":
    return re2.compile(pattern, QUIET)
