"""Alarms, incidents and their load in the words of the language that is read. Pure.

Always holds: what is kept stays in English, and what has no words here is shown as it is kept.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from townsquare.alerts.load.figures import Figure
from townsquare.alerts.load.published import Shown
from townsquare.model.customs import number, share
from townsquare.model.texts import found, later, text, text_of

SEVERITIES = (later("critical"), later("high"), later("medium"), later("low"))
STATES: Mapping[str, str] = {
    "UNACK": later("not acknowledged"),
    "ACKED": later("acknowledged"),
    "RTN_UNACK": later("over, not acknowledged"),
    "LATCHED_RTN": later("over, wants a reset"),
    "SHELVED": later("shelved"),
    "SUPPRESSED": later("suppressed"),
    "OUT_OF_SERVICE": later("out of service"),
}
CASES: Mapping[str, str] = {
    "NEW": later("new"),
    "TRIAGED": later("triaged"),
    "ASSIGNED": later("assigned"),
    "IN_PROGRESS": later("in progress"),
    "ON_HOLD": later("on hold"),
    "RESOLVED": later("resolved"),
    "CLOSED": later("closed"),
    "MERGED": later("merged"),
    "FALSE_ALARM": later("false alarm"),
}
JUDGEMENTS = (later("very likely acceptable"), later("manageable"), later("too much"))
LIMIT = re.compile(r"(up to|below) ([^,]+)(?:, at most (.+))?")


def state(kept: str) -> str:
    """Of an alarm."""
    return found(STATES.get(kept, kept))


def case(kept: str) -> str:
    """State of an incident."""
    return found(CASES.get(kept, kept))


def figure(one: Figure | Shown) -> str:
    """Its value; "" where it is not known."""
    if one.value is None:
        return ""
    if one.unit == "share":
        return share(one.value, ".3g")
    return number(one.value, ".0f" if one.value >= 100 else ".3g")


def limit(words: str) -> str:
    """Such as "up to 6, at most 12", as a limit says it in English."""
    if not (parts := LIMIT.fullmatch(words)):
        return words
    start, first, most = parts.groups()
    if most:
        return text("up to {first}, at most {most}", first=first, most=most)
    return (
        text("below {first}", first=first)
        if start == "below"
        else text("up to {first}", first=first)
    )


def age(since: datetime | None, until: datetime) -> str:
    """ "" where it is not known."""
    if since is None:
        return ""
    minutes = max(0, int((until - since).total_seconds() // 60))
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return text_of(hours // 24, "{n} day", "{n} days")
    return text("{h} h {min} min", h=hours, min=rest) if hours else f"{minutes} min"
