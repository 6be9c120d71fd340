"""The life of an alarm (ISA-18.2, IEC 62682) as one table. Pure.

Always holds: while its cause lasts an alarm is UNACK or ACKED, and it is back to NORMAL only
when its cause is over and somebody has acknowledged it, in whichever order.
"""

from collections.abc import Mapping
from typing import Literal

from townsquare.model.errors import Conflict

State = Literal["NORMAL", "UNACK", "ACKED", "RTN_UNACK"]
Event = Literal["raise", "clear", "acknowledge"]

NEXT: Mapping[tuple[State, Event], State] = {
    ("NORMAL", "raise"): "UNACK",
    ("UNACK", "acknowledge"): "ACKED",
    ("UNACK", "clear"): "RTN_UNACK",
    ("ACKED", "clear"): "NORMAL",
    ("RTN_UNACK", "acknowledge"): "NORMAL",
    ("RTN_UNACK", "raise"): "UNACK",
}

IMPOSSIBLE: Mapping[tuple[State, Event], str] = {
    ("NORMAL", "acknowledge"): "there is nothing to acknowledge: it is back to normal",
    ("NORMAL", "clear"): "it cannot return to normal: it is normal",
    ("UNACK", "raise"): "it cannot be raised: it is already, and waits to be acknowledged",
    ("ACKED", "acknowledge"): "it is acknowledged already; its cause has not ended yet",
    ("ACKED", "raise"): "it cannot be raised: it is already, and is acknowledged",
    ("RTN_UNACK", "clear"): "its cause is over already; it waits to be acknowledged",
}


def after(state: State, event: Event) -> State:
    """Raises Conflict with a sentence for the operator."""
    if (state, event) in IMPOSSIBLE:
        raise Conflict(IMPOSSIBLE[state, event])
    return NEXT[state, event]


def active(state: State) -> bool:
    """Does the cause last?"""
    return state in ("UNACK", "ACKED")
