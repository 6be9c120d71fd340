"""`q` of a subscription, which can be understood without its context (clauses 4.9 and 5.2.12)."""

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.query import Condition
from townsquare.context.subscriptions.wire import Subscription


def names_in(given: Subscription, terms: Terms) -> dict[str, str]:
    """Canonical name of each name in `q`, and of each value that is one. Raises Invalid."""
    names: dict[str, str] = {}
    _parsed(given, lambda name: names.setdefault(name, terms.expand(name)))
    return names


def condition(given: Subscription, names: Mapping[str, str]) -> Condition | None:
    return _parsed(given, lambda name: names.get(name, name))


def _parsed(given: Subscription, expand: Callable[[str], str]) -> Condition | None:
    if given.q is None:
        return None
    values = {expand(name.strip()) for name in (given.expand_values or "").split(",")}
    return parse(decoded(given.q), expand, values - {""})


def decoded(text: str) -> str:
    """As it is; clients also send it as they would in an address (clause 4.9)."""
    return unquote(text)
