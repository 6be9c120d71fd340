"""The life of an alarm as tables: ISA-18.2 and IEC 62682, facts named after OPC UA Part 9. Pure.

Always holds: while its cause lasts an alarm is UNACK or ACKED unless somebody, or the design,
put it aside, and then it says so. Its cause is followed and recorded meanwhile; what still lasts
when that ends is UNACK, whoever had acknowledged it before. An alarm is back to NORMAL only when
its cause is over, it was acknowledged, and what latches was reset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from townsquare.model.errors import Conflict

Standing = Literal["NORMAL", "UNACK", "ACKED", "RTN_UNACK", "LATCHED_RTN"]
Suppression = Literal["none", "shelved", "byDesign", "outOfService"]
Quality = Literal["good", "uncertain", "bad"]
State = Standing | Literal["SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"]

Course = Literal["raise", "clear", "acknowledge", "reset"]
PuttingAside = Literal[
    "shelve", "unshelve", "expire", "suppress", "unsuppress", "take out of service", "return"
]
Sourcing = Literal["lose", "regain"]
Event = Course | PuttingAside | Sourcing


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so of an alarm, each fact by itself. `latched` asks for a reset (Part 9,
    LatchedState); `quality` is how well the source is known: when bad, the rest is as it last was.
    """

    active: bool = False
    acked: bool = True
    latched: bool = False
    suppression: Suppression = "none"
    quality: Quality = "good"


NORMAL = Facts()


# What an alarm would show if nobody had put it aside. What latches stands in LATCHED_RTN wherever
# this says NORMAL, but for "reset".
COURSE: Mapping[tuple[Standing, Course], Standing] = {
    ("NORMAL", "raise"): "UNACK",
    ("UNACK", "acknowledge"): "ACKED",
    ("UNACK", "clear"): "RTN_UNACK",
    ("ACKED", "clear"): "NORMAL",
    ("RTN_UNACK", "acknowledge"): "NORMAL",
    ("RTN_UNACK", "raise"): "UNACK",
    ("LATCHED_RTN", "reset"): "NORMAL",
    ("LATCHED_RTN", "raise"): "ACKED",  # the same occurrence: it was not reset in between
}

# A stronger reason takes the place of a weaker: a shelf, the design, out of service.
ASIDE: Mapping[tuple[Suppression, PuttingAside], Suppression] = {
    ("none", "shelve"): "shelved",
    ("none", "suppress"): "byDesign",
    ("none", "take out of service"): "outOfService",
    ("shelved", "unshelve"): "none",
    ("shelved", "expire"): "none",
    ("shelved", "suppress"): "byDesign",
    ("shelved", "take out of service"): "outOfService",
    ("byDesign", "unsuppress"): "none",
    ("byDesign", "take out of service"): "outOfService",
    ("outOfService", "return"): "none",
}

SOURCE: Mapping[tuple[Quality, Sourcing], Quality] = {
    ("good", "lose"): "bad",
    ("uncertain", "lose"): "bad",
    ("uncertain", "regain"): "good",
    ("bad", "regain"): "good",
}

SHOWN: Mapping[Suppression, State] = {  # whatever else is so of it
    "shelved": "SHELVED",
    "byDesign": "SUPPRESSED",
    "outOfService": "OUT_OF_SERVICE",
}

# --- what cannot be, as an operator is told

IMPOSSIBLE: Mapping[tuple[Standing, Course], str] = {
    ("NORMAL", "acknowledge"): "there is nothing to acknowledge: it is back to normal",
    ("NORMAL", "clear"): "it cannot return to normal: it is normal",
    ("NORMAL", "reset"): "there is nothing to reset: it is back to normal",
    ("UNACK", "raise"): "it cannot be raised: it is already, and waits to be acknowledged",
    ("UNACK", "reset"): "it cannot be reset: its cause lasts, and it waits to be acknowledged",
    ("ACKED", "acknowledge"): "it is acknowledged already; its cause has not ended yet",
    ("ACKED", "raise"): "it cannot be raised: it is already, and is acknowledged",
    ("ACKED", "reset"): "it cannot be reset: its cause lasts",
    ("RTN_UNACK", "clear"): "its cause is over already; it waits to be acknowledged",
    ("RTN_UNACK", "reset"): "it cannot be reset: it waits to be acknowledged first",
    ("LATCHED_RTN", "acknowledge"): "it is acknowledged already; it waits to be reset",
    ("LATCHED_RTN", "clear"): "its cause is over already; it waits to be reset",
}
ALREADY: Mapping[Suppression, str] = {
    "shelved": "it is shelved already",
    "byDesign": "it is suppressed by design already",
    "outOfService": "it is out of service already",
}
NOT_SO: Mapping[PuttingAside, str] = {
    "unshelve": "it is not shelved",
    "expire": "it is not shelved",
    "unsuppress": "it is not suppressed by design",
    "return": "it is in service",
}
UNCHANGED: Mapping[Sourcing, str] = {
    "lose": "its source is lost already",
    "regain": "its source is there",
}


# --- from facts to facts


def standing(facts: Facts) -> Standing:
    if not facts.acked:
        return "UNACK" if facts.active else "RTN_UNACK"
    if facts.active:
        return "ACKED"
    return "LATCHED_RTN" if facts.latched else "NORMAL"


def state(facts: Facts) -> State:
    return SHOWN.get(facts.suppression) or standing(facts)


def of(state: State) -> Facts:
    """Of an alarm that was kept before there was more than its state."""
    return Facts(active=state in ("UNACK", "ACKED"), acked=state not in ("UNACK", "RTN_UNACK"))


def after(facts: Facts, event: Event, *, latching: bool = False) -> Facts:
    """`latching` is of the rule that raises. Raises Conflict with a sentence for the operator."""
    match event:
        case "raise" | "clear" | "acknowledge" | "reset":
            return _course(facts, event, latching)
        case "lose" | "regain":
            return _source(facts, event)
        case _:
            return _aside(facts, event)


def _course(facts: Facts, event: Course, latching: bool) -> Facts:
    if event in ("acknowledge", "reset") and facts.suppression != "none":
        raise Conflict(f"{ALREADY[facts.suppression]}; bring it back before you {event} it")
    at = standing(facts)
    if (at, event) in IMPOSSIBLE:
        raise Conflict(IMPOSSIBLE[at, event])
    to = COURSE[at, event]
    return replace(
        facts,
        active=to in ("UNACK", "ACKED"),
        acked=to not in ("UNACK", "RTN_UNACK"),
        latched=(facts.latched or (latching and event == "raise")) and event != "reset",
    )


def _aside(facts: Facts, event: PuttingAside) -> Facts:
    at = facts.suppression
    if (at, event) not in ASIDE:
        raise Conflict(NOT_SO.get(event) or ALREADY[at])
    to = ASIDE[at, event]
    # What lasts when that ends calls for an operator anew; what came and went meanwhile does not.
    acked = not facts.active if to == "none" else facts.acked
    return replace(facts, suppression=to, acked=acked)


def _source(facts: Facts, event: Sourcing) -> Facts:
    if (facts.quality, event) not in SOURCE:
        raise Conflict(UNCHANGED[event])
    return replace(facts, quality=SOURCE[facts.quality, event])
