"""Which registrations a subscription to them concerns (clauses 5.11.2.4 and 5.11.7). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import structs

from townsquare.context.choices import read_scopes
from townsquare.context.http import GEO
from townsquare.context.sources.discovery import Discovery, During, leads_to, read_during
from townsquare.context.sources.matching import Wanted, every_type, parts
from townsquare.context.sources.registration import Information, Registration
from townsquare.context.subscriptions.kept import Kept
from townsquare.context.subscriptions.naming import KEYWORDS, read_types
from townsquare.context.subscriptions.query import source_filter
from townsquare.context.subscriptions.view import near
from townsquare.context.subscriptions.wire import Selector, Subscription
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.store import Key


@dataclass(frozen=True, slots=True)
class Interested:
    """A subscription, with the questions that registrations are an answer to: one of them."""

    kept: Kept
    questions: tuple[Discovery, ...]

    @property
    def key(self) -> Key:
        return self.kept.key

    @property
    def subscription(self) -> Subscription:
        return self.kept.subscription

    def part(self, one: Registration | None) -> Registration | None:
        """The registration with what of its information is asked for; None where nothing is."""
        if one is None:
            return None
        asked = [question for question in self.questions if leads_to(question, one)]
        found: dict[int, Information] = {
            id(part): part for question in asked for part in parts(one, question.wanted)
        }
        if not found:
            return None
        information = tuple(part for part in one.information if id(part) in found)
        return msgspec.structs.replace(one, information=information)


def interested(kept: Kept) -> Interested:
    """Raises Invalid for what no registration can answer."""
    given = kept.subscription
    if given.notification.endpoint.media == GEO:
        raise Invalid("registrations are not told as GeoJSON")
    place = near(given.geo_q) if given.geo_q else None
    during = _during(given.temporal_q)
    scopes = read_scopes(given.scope_q) if given.scope_q else ()
    csf = source_filter(given, kept.names)
    return Interested(
        kept, tuple(Discovery(wanted, place, during, scopes, csf) for wanted in _wanted(given))
    )


def _wanted(given: Subscription) -> Sequence[Wanted]:
    datasets = frozenset(given.dataset_id or ())
    anything = Wanted(attributes=_attributes(given), datasets=datasets)
    return [_selected(s, anything) for s in given.entities or ()] or [anything]


def _selected(selector: Selector, anything: Wanted) -> Wanted:
    types = every_type(read_types(selector.type))
    pattern = "" if selector.ids else selector.id_pattern or ""
    return structs.replace(anything, types=types, ids=selector.ids, pattern=pattern)


def _attributes(given: Subscription) -> frozenset[str]:
    """Empty, which means any, unless both what is watched and what is told are named."""
    told = {*(given.notification.attributes or ()), *(given.notification.pick or ())} - KEYWORDS
    watched = given.watched_attributes or ()
    return frozenset((*watched, *told)) if told and watched else frozenset()


def _during(given: Json) -> During | None:
    if given is None:
        return None
    if not (isinstance(given, dict) and all(isinstance(v, str) for v in given.values())):
        raise Invalid("temporalQ must be a JSON object with timerel, timeAt and endTimeAt")
    if "timerel" not in given:
        raise Invalid("temporalQ needs timerel")
    return read_during(given)
