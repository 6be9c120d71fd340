"""`q` and `csf` of a subscription, understood without its context (clauses 4.9 and 5.2.12)."""

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.query import Condition
from townsquare.context.subscriptions.wire import Subscription


def names_in(given: Subscription, terms: Terms) -> dict[str, str]:
    """Canonical name of each name in them, and of each value that is one. Raises Invalid."""
    names: dict[str, str] = {}
    for text in (given.q, given.csf):
        _parsed(given, text, lambda name: names.setdefault(name, terms.expand(name)))
    return names


def condition(given: Subscription, names: Mapping[str, str]) -> Condition | None:
    """`q`"""
    return _parsed(given, given.q, lambda name: names.get(name, name))


def source_filter(given: Subscription, names: Mapping[str, str]) -> Condition | None:
    """`csf`"""
    return _parsed(given, given.csf, lambda name: names.get(name, name))


def _parsed(
    given: Subscription, text: str | None, expand: Callable[[str], str]
) -> Condition | None:
    if text is None:
        return None
    values = {expand(name.strip()) for name in (given.expand_values or "").split(",")}
    return parse(decoded(text), expand, values - {""})


def decoded(text: str) -> str:
    """As it is; clients also send it as they would in an address (clause 4.9)."""
    return unquote(text)
