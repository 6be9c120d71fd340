"""What the room says about hand-overs: each is kept with the report that was signed."""

from datetime import timedelta

from townsquare.alerts.who import READERS
from townsquare.model.declaration import EntityType, Words

HANDOVER = "Handover"

TYPES = (
    EntityType(
        HANDOVER,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"operator"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=3 * 365),  # as long as the incidents that it names
        queried=frozenset({"state"}),
        title="Hand-overs of shifts",
        words=Words(
            "the hand-over",
            "writtenAt",
            "of",
            {
                "state": "whether somebody took it over",
                "since": "when the shift began",
                "until": "when it was written",
                "writtenBy": "who went",
                "writtenAt": "when it was written",
                "notes": "what is to be known",
                "openPoints": "what is to be done",
                "report": "how things stood then",
                "acceptedBy": "who took it over",
                "acceptedAt": "when it was taken over",
                "remark": "what was said to that",
                "withdrawnAt": "when it was withdrawn",
                "withdrawnWhy": "why it was withdrawn",
            },
        ),
    ),
)
