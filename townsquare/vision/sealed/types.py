"""Types of entities of sealed recording: its terms, what is recorded, and what is held."""

from datetime import timedelta

from townsquare.model.declaration import EntityType, Words

OWNER = "recording"
TERMS, FOOTAGE, HOLD = "RecordingTerms", "SealedFootage", "LegalHold"
STATE = "RecordingState"
# Who may ask for other terms; deciding takes approvers.
PROPOSERS = frozenset({"administrator", "data-protection", "security"})
PARTIES = frozenset({"investigator", "custodian"})  # who may have footage held
LASTS = timedelta(days=3653)  # figures of opened and held footage go back so far
TERMS_SAY = {
    "hash": "the sum of all of them",
    "status": "whether they are in force",
    "since": "since when they are in force",
    "proposedAt": "when they were proposed",
    "replacedAt": "when others took their place",
    "keepHours": "for how many hours footage can be opened",
    "reason": "why for longer than usual",
    "until": "the last day on which the reason holds",
    "custodians": "who keeps the keys to it",
    "changes": "what they would change",
    "waiting": "whether they wait for approval",
}
FOOTAGE_SAYS = {
    "refCamera": "the camera",
    "dateObservedFrom": "from when",
    "dateObservedTo": "until when",
    "segmentCount": "in how many pieces",
    "listRoot": "the sum of the list of all pieces",
    "gaps": "when nothing was recorded, and why",
    "termsHash": "the terms under which it was recorded",
    "status": "whether it is recorded, sealed or destroyed",
    "keyThumbprint": "the key of its hour",
    "destroyedAt": "when that key was destroyed",
    "reason": "why it was destroyed",
    "held": "how many legal holds are on it",
}
HOLD_SAYS = {
    "status": "whether it was asked for, runs or has ended",
    "party": "for which party",
    "since": "since when it runs",
    "validUntil": "until when it runs",
    "minutes": "how many minutes of footage it holds",
    "segmentCount": "how many pieces it holds",
    "endedAt": "when it ended",
}
HOLD_HIDES = {
    "askedAt": "when it was asked for",
    "act": "how many custodians must agree",
    "refCamera": "the camera",
    "dateObservedFrom": "from when",
    "dateObservedTo": "until when",
    "caseNumber": "the number of the case",
    "organisation": "the organisation that asked",
    "askedBy": "who asked",
    "keyThumbprint": "the key that it is held by",
    "holds": "which hours and pieces it holds",
}
TYPES = (
    EntityType(
        TERMS,
        OWNER,
        readers=frozenset({"operator", "data-protection", "security", "administrator"}),
        commanders=PROPOSERS,
        accountable=True,
        history=False,
        deletable=False,
        published=frozenset(TERMS_SAY),
        published_everywhere=True,
        queried=frozenset({"status"}),
        logged=frozenset({"hash", "status", "keepHours"}),
        title="Terms of recording",
        words=Words("the terms of recording", "hash", attributes=TERMS_SAY),
    ),
    EntityType(
        FOOTAGE,
        OWNER,
        readers=frozenset({"data-protection", "custodian"}),
        accountable=True,
        history=False,
        swept=True,
        retention=LASTS,
        queried=frozenset({"status", "refCamera"}),
        logged=frozenset({"segmentCount", "listRoot", "termsHash", "status", "keyThumbprint"}),
        title="Sealed footage",
        words=Words("an hour of sealed footage", "refCamera", "of", FOOTAGE_SAYS),
    ),
    EntityType(
        STATE,
        OWNER,
        readers=frozenset({"operator", "engineer", "data-protection", "security", "custodian"}),
        history=False,
        title="Whether cameras are recorded",
    ),
    EntityType(
        HOLD,
        OWNER,
        readers=frozenset({"data-protection", "custodian"}),
        commanders=PARTIES,
        accountable=True,
        history=False,
        deletable=False,
        retention=LASTS,
        published=frozenset(HOLD_SAYS),
        published_everywhere=True,
        queried=frozenset({"status"}),
        title="Legal holds",
        words=Words("a legal hold", "refCamera", "on", {**HOLD_SAYS, **HOLD_HIDES}),
    ),
)
