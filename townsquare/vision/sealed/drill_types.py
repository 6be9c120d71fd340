"""Drills of custodians as entities of the city."""

from townsquare.model.declaration import EntityType, Words
from townsquare.model.rule import Rule
from townsquare.vision.sealed.types import LASTS, OWNER, STATE

DRILL = "CustodianDrill"
STARTERS = frozenset({"administrator", "data-protection", "security", "custodian"})
SAYS = {
    "kind": "what was drilled",
    "status": "whether it runs or has ended",
    "result": "whether it passed",
    "startedAt": "when it began",
    "startedBy": "who began it",
    "validUntil": "until when custodians can answer",
    "endedAt": "when it ended",
    "termsHash": "under which terms",
    "custodians": "what each custodian's key did",
    "pairs": "which two opened it together",
    "shelf": "whether the newest footage of each camera is whole",
    "steps": "what was done, step by step",
}
TYPES = (
    EntityType(
        DRILL,
        OWNER,
        readers=frozenset({"administrator", "data-protection", "security", "custodian"}),
        commanders=STARTERS,
        accountable=True,
        history=False,
        deletable=False,
        retention=LASTS,
        published=frozenset({"kind", "status", "result", "startedAt", "endedAt"}),
        published_everywhere=True,
        queried=frozenset({"status", "kind"}),
        logged=frozenset({"kind", "status", "result"}),
        title="Drills of custodians",
        words=Words("a drill of custodians", "kind", "of", SAYS),
    ),
)
OVERDUE = Rule(
    "drill-overdue",
    "Custodians of footage have not tried their keys for over a year",
    STATE,
    "drillOverdue",
    above=1,
    clear_below=0,
    severity="low",
    consequence="A key that was lost is noticed when footage is needed, and then nothing opens it.",
    response="Run townsquare custodian drill recovery, and ask all three custodians to answer.",
    scope="",
)
