"""The types of entities that the room of accounts owns. Each change of one is in the log."""

from datetime import timedelta

from townsquare.model.declaration import EntityType
from townsquare.trust.identity.account import ADMINISTRATOR, PERSON
from townsquare.trust.identity.emergency import EMERGENCY
from townsquare.trust.identity.organisation import ORGANISATION
from townsquare.trust.identity.token import ACCESS_TOKEN

OWNER = "accounts"
READERS = frozenset({ADMINISTRATOR, "data-protection", "security"})
KEPT = timedelta(days=400)  # as the alarms: a yearly report looks back on all of it


def _declared(name: str, title: str) -> EntityType:
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
    )


TYPES = (
    _declared(PERSON, "Accounts, without names"),
    _declared(ORGANISATION, "Organisations with accounts"),
    _declared(ACCESS_TOKEN, "Programs that are let in"),
    _declared(EMERGENCY, "Emergency access"),
)
