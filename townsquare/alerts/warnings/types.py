"""What the room says about warnings: a message each, and what becomes of it."""

from datetime import timedelta

from townsquare.alerts.who import READERS
from townsquare.model.declaration import EntityType, Words

WARNING = "Warning"

TYPES = (
    EntityType(
        WARNING,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"operator"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=3 * 365),  # as long as the incident it was drafted from
        queried=frozenset({"state"}),
        title="Warnings of the public",
        words=Words(
            "the warning",
            "name",
            attributes={
                "name": "its headline",
                "state": "whether it is a draft, published or given up",
                "kind": "whether it warns, corrects or ends an earlier one",
                "message": "what it says",
                "incident": "the incident that it is about",
                "replaces": "the warning that it corrects or ends",
                "references": "the warnings before it",
                "replacedBy": "the warning that corrects or ends it",
                "editedBy": "who wrote it",
                "askedBy": "who asked for its publication",
                "approvedBy": "who approved it",
                "sender": "who sends it",
                "sent": "when it was published",
                "expires": "when it ends",
                "document": "the document as it was published",
            },
        ),
    ),
)
