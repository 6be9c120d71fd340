"""The copy of a subscription that a source gets (clause 5.8.1.4). Pure.

It is reduced to what the source is registered with, and says nothing of the subscriber: not who,
not where, not in which form. Where entities lie in parts it has no filters, which hold for wholes.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from townsquare.context.http import JSON
from townsquare.context.jsonld import Terms
from townsquare.context.sources.interest import Interested
from townsquare.context.sources.matching import Wanted, matches
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.selected import groups
from townsquare.context.sources.shares import EVERYTHING, registered
from townsquare.context.sources.wording import reworded_q
from townsquare.context.subscriptions.query import decoded
from townsquare.context.subscriptions.wire import Subscription
from townsquare.model.entity import Json

# What is the same for the source as for us.
ALIKE = (
    *("scopeQ", "datasetId", "timeInterval", "throttling", "notificationTrigger"),
    *("isActive", "expiresAt", "splitEntities"),
)
FILTERS = ("q", "geoQ", "scopeQ", "expandValues", "jsonKeys")


def copied(one: Interested, source: Registration, words: Terms, back: str) -> dict[str, Json]:
    """In the words that the source understands, but for its id; `back` is where it shall tell."""
    given = one.subscription
    body: dict[str, Json] = msgspec.to_builtins(given)
    kept = {name: body[name] for name in ALIKE if name in body}
    copy = {"type": "Subscription", **kept, **_what(one, source, words)}
    copy |= _filters(one, words)
    if given.split_entities:
        copy = {name: value for name, value in copy.items() if name not in FILTERS}
    if source.local_only:
        copy["localOnly"] = True
    return copy | {"notification": _notification(given, back), "jsonldContext": words.url}


def mark(copy: dict[str, Json]) -> str:
    """Tells whether a source has been told all of this."""
    return sha256(msgspec.json.encode(copy, order="sorted")).hexdigest()


def watched(one: Interested, source: Registration) -> frozenset[str] | None:
    """Attributes to watch of those that the source has, empty for any; None where it has none."""
    asked = frozenset(one.subscription.watched_attributes or ())
    about = [w for w in _wanted(one) if matches(source, w)]
    found = [registered(source, w) for w in about]
    has = EVERYTHING if not all(found) else EVERYTHING.union(*found)
    if not about or (asked and has and asked.isdisjoint(has)):
        return None
    return asked & has if asked and has else asked or has


def _wanted(one: Interested) -> Sequence[Wanted]:
    return [
        msgspec.structs.replace(question.wanted, attributes=EVERYTHING)
        for question in one.questions
    ]


def _what(one: Interested, source: Registration, words: Terms) -> dict[str, Json]:
    about = [w for w in _wanted(one) if matches(source, w)]
    found = [body for w in about for group in groups(source, w) for body in group.bodies(words)]
    entities = [body for body in found if body["type"]]
    names = watched(one, source)
    what: dict[str, Json] = {"entities": entities} if entities else {}
    if names and one.subscription.time_interval is None:
        what["watchedAttributes"] = sorted(map(words.compact, names))
    return what


def _filters(one: Interested, words: Terms) -> dict[str, Json]:
    given, names = one.subscription, one.kept.names

    def rename(name: str) -> str:
        return words.compact(names.get(name, name))

    found: dict[str, Json] = {}
    if given.q:
        found["q"] = reworded_q(decoded(given.q), rename)
    for name, text in (("expandValues", given.expand_values), ("jsonKeys", given.json_keys)):
        if text:
            found[name] = ",".join(rename(part.strip()) for part in text.split(","))
    if given.geo_q:
        found["geoQ"] = _place(given, words.compact)
    return found


def _place(given: Subscription, rename: Callable[[str], str]) -> Json:
    place: dict[str, Json] = msgspec.to_builtins(given.geo_q)
    if "geoproperty" in place:
        place["geoproperty"] = rename(place["geoproperty"])
    return place


def _notification(given: Subscription, back: str) -> Json:
    """Told in full: in which form the subscriber wants it is seen to here."""
    told: dict[str, Json] = {"format": "normalized", "sysAttrs": True}
    if given.notification.show_changes:
        told["showChanges"] = True
    return {**told, "endpoint": {"uri": back, "accept": JSON}}
