"""The types of entities that the room of accounts owns. Each change of one is in the log."""

from datetime import timedelta

from townsquare.model.declaration import EntityType, Words
from townsquare.model.texts import later
from townsquare.trust.identity.account import ADMINISTRATOR, PERSON
from townsquare.trust.identity.emergency import EMERGENCY
from townsquare.trust.identity.organisation import ORGANISATION
from townsquare.trust.identity.recovery import RECOVERY
from townsquare.trust.identity.token import ACCESS_TOKEN

OWNER = "accounts"
READERS = frozenset({ADMINISTRATOR, "data-protection", "security"})
KEPT = timedelta(days=400)  # as the alarms: a yearly report looks back on all of it


def _declared(name: str, title: str, words: Words) -> EntityType:
    return EntityType(
        name,
        owner=OWNER,
        readers=READERS,
        commanders=frozenset({ADMINISTRATOR}),
        accountable=True,
        deletable=False,
        history=False,
        retention=KEPT,
        title=title,
        words=words,
    )


COMMON = {
    "status": "whether it is open",
    "organisation": "the organisation",
    "roles": "the roles",
    "validUntil": "the last day",
}
TYPES = (
    _declared(
        PERSON,
        later("Accounts (without names)"),
        Words(
            "the account",
            of="of",
            attributes={
                **COMMON,
                "passkeyCount": "how many passkeys it has",
                "passkeyDoubtedAt": "when there was a sign of a copied passkey",
            },
        ),
    ),
    _declared(
        ORGANISATION,
        later("Organisations with accounts"),
        Words(
            "the organisation",
            "name",
            attributes={"name": "its name", "validUntil": "its last day"},
        ),
    ),
    _declared(
        ACCESS_TOKEN,
        later("Programs that are let in"),
        Words(
            "the program",
            "label",
            attributes={**COMMON, "label": "what it is for", "areas": "the areas that it sees"},
        ),
    ),
    _declared(
        EMERGENCY,
        later("Emergency access"),
        Words(
            "emergency access",
            attributes={
                "active": "whether it is open",
                "openedBy": "which two opened it",
                "organisations": "their organisations",
                "openedAt": "when it was opened",
                "validUntil": "when it ends",
                "closedAt": "when it was closed",
            },
        ),
    ),
    _declared(
        RECOVERY,
        later("Links made at the server into an administrator's account"),
        Words(
            "the recovery of an account",
            attributes={
                "active": "whether its link is good",
                "refPerson": "whose account",
                "openedAt": "when the link was made",
                "validUntil": "when it ends",
                "closedAt": "when it ended",
            },
        ),
    ),
)
