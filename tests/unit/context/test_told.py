"""What is remembered of answers is bounded by what it holds."""

import gc

from townsquare.context.form.view import View
from townsquare.context.jsonld import Terms
from townsquare.context.told import Told


def held() -> int:
    gc.collect()
    return sum(isinstance(one, Terms) for one in gc.get_objects())


def test_contexts_are_not_held_without_end() -> None:
    told, before = Told(), held()
    names = {f"name{number}": f"urn:x:{number}" for number in range(10_000)}
    for _ in range(500):
        told.shape(Terms(names), View("concise"), ("concise", None))
    assert held() - before < 250


def test_the_same_is_told_in_one_shape() -> None:
    told, terms = Told(), Terms()
    first = told.shape(terms, View("concise"), ("concise", None))
    assert told.shape(terms, View("concise"), ("concise", None)) is first
    assert told.shape(terms, View("simplified"), ("simplified", None)).number != first.number
    assert told.shape(Terms(), View("concise"), ("concise", None)).number != first.number
