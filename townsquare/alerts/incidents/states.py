"""The life of an incident as one table. Pure.

Always holds: somebody has it while it is worked on or on hold and when it is resolved; what has
ended goes on only when it is reopened, and what was merged goes on in the other incident alone.
"""

from collections.abc import Mapping
from typing import Literal

from townsquare.model.errors import Conflict

State = Literal[
    "NEW",
    "TRIAGED",
    "ASSIGNED",
    "IN_PROGRESS",
    "ON_HOLD",
    "RESOLVED",
    "CLOSED",
    "MERGED",
    "FALSE_ALARM",
]
Event = Literal[
    "triage", "assign", "work", "hold", "resolve", "close", "dismiss", "merge", "reopen"
]

ENDED: frozenset[State] = frozenset({"CLOSED", "MERGED", "FALSE_ALARM"})

_ANYWHERE: Mapping[Event, State] = {
    "assign": "ASSIGNED",
    "work": "IN_PROGRESS",
    "dismiss": "FALSE_ALARM",
    "merge": "MERGED",
}
_OPEN: tuple[State, ...] = ("NEW", "TRIAGED", "ASSIGNED", "IN_PROGRESS", "ON_HOLD")

NEXT: Mapping[tuple[State, Event], State] = {
    **{(state, event): then for state in _OPEN for event, then in _ANYWHERE.items()},
    ("NEW", "triage"): "TRIAGED",
    ("ASSIGNED", "hold"): "ON_HOLD",
    ("IN_PROGRESS", "hold"): "ON_HOLD",
    ("IN_PROGRESS", "resolve"): "RESOLVED",
    ("RESOLVED", "close"): "CLOSED",
    ("RESOLVED", "dismiss"): "FALSE_ALARM",
    ("RESOLVED", "reopen"): "TRIAGED",
    ("CLOSED", "reopen"): "TRIAGED",
    ("FALSE_ALARM", "reopen"): "TRIAGED",
}

STANDS: Mapping[State, str] = {
    "NEW": "nobody has looked at it yet",
    "TRIAGED": "it is assessed, and nobody has it yet",
    "ASSIGNED": "its owner has not begun",
    "IN_PROGRESS": "somebody works on it",
    "ON_HOLD": "it is on hold; take it up first",
    "RESOLVED": "it is resolved and waits to be closed; reopen it to go on",
    "CLOSED": "it is closed; reopen it first",
    "MERGED": "it was merged into another; go on there",
    "FALSE_ALARM": "it was closed without need; reopen it first",
}
CANNOT: Mapping[Event, str] = {
    "triage": "cannot be assessed",
    "assign": "cannot be assigned",
    "work": "cannot be worked on",
    "hold": "cannot be put on hold",
    "resolve": "cannot be resolved",
    "close": "cannot be closed with this cause",
    "dismiss": "cannot be closed as needing nothing",
    "merge": "cannot be merged",
    "reopen": "cannot be reopened",
}


def after(state: State, event: Event) -> State:
    """Raises Conflict with a sentence for the operator."""
    if (state, event) not in NEXT:
        raise Conflict(f"it {CANNOT[event]}: {STANDS[state]}")
    return NEXT[state, event]
