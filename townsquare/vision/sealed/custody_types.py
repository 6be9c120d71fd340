"""Types of entities of opened footage: who asked for what, who agreed, and what became of it."""

from townsquare.model.declaration import EntityType, Words
from townsquare.model.rule import Rule
from townsquare.vision.sealed.types import LASTS, OWNER

OPENING = "FootageOpening"
ASKERS = frozenset({"investigator", "data-protection"})
SAYS = {
    "refCamera": "the camera",
    "dateObservedFrom": "from when",
    "dateObservedTo": "until when",
    "caseNumber": "the number of the case",
    "requestedBy": "who asked",
    "organisation": "the organisation that asked",
    "requesterKey": "the one-time key to which it is sealed anew",
    "keyThumbprint": "what people compare of that key",
    "approvedBy": "which custodians agreed",
    "emergency": "whether it was an emergency",
    "emergencyOpen": "whether an emergency lasts",
    "segmentCount": "in how many pieces",
    "releasedBy": "which custodians released it",
    "status": "what became of it",
    "openedAt": "when it was agreed to",
    "validUntil": "until when it can be released",
    "reason": "why it was refused",
}
# That a custodian's client compares with what it is shown.
LOGGED = (
    *("refCamera", "dateObservedFrom", "dateObservedTo", "emergency", "status"),
    "keyThumbprint",
)
TYPES = (
    EntityType(
        OPENING,
        OWNER,
        readers=frozenset({"data-protection", "custodian", "investigator"}),
        commanders=ASKERS,
        accountable=True,
        history=False,
        deletable=False,
        retention=LASTS,
        queried=frozenset({"status"}),
        logged=frozenset(LOGGED),
        title="Opened footage",
        words=Words("footage that is opened", "refCamera", "of", SAYS),
    ),
)
ALARM = Rule(
    name="footage-emergency",
    title="Footage is opened in an emergency, with one custodian's agreement",
    type=OPENING,
    attribute="emergencyOpen",
    above=1,
    clear_below=0,
    severity="critical",
    consequence="One custodian agrees and releases by hand; another's client follows by itself.",
    response="The other custodians ask what for; see /control/custody.",
    scope="",
)
