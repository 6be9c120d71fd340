"""What the room says about incidents and procedures. The past of an incident is its timeline."""

from datetime import timedelta

from townsquare.alerts.incidents.incident import INCIDENT
from townsquare.alerts.who import READERS
from townsquare.model.declaration import EntityType, Words

PROCEDURE = "Procedure"
KEPT = timedelta(days=3 * 365)  # as long as claims against a town are usually made

TYPES = (
    EntityType(
        INCIDENT,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"operator"}),
        accountable=True,
        deletable=False,
        retention=KEPT,
        queried=frozenset({"state", "severity"}),
        title="Incidents",
        words=Words(
            "the incident",
            "name",
            attributes={
                "name": "its name",
                "state": "where it stands",
                "severity": "how bad it is",
                "owner": "who has it",
                "origin": "how it was noticed",
                "report": "what was reported",
                "place": "where it is, in words",
                "location": "the place",
                "openedAt": "when it was opened",
                "begunAt": "when its first alarm was raised",
                "alarms": "the alarms in it",
                "cameras": "the cameras that see it",
                "assets": "what it is about",
                "people": "who is on duty for it",
                "merged": "the incidents that go on in it",
                "mergedInto": "the incident in which it goes on",
                "procedure": "the procedure",
                "steps": "the steps of the procedure",
                "answer": "what became of a step",
                "comment": "a comment",
                "comments": "the number of comments",
                "cause": "the cause",
                "reopened": "how often it was reopened",
            },
        ),
    ),
    EntityType(
        PROCEDURE,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"engineer"}),
        accountable=True,
        deletable=False,
        retention=KEPT,
        title="Procedures for incidents",
        words=Words(
            "the procedure", "name", attributes={"name": "its name", "steps": "its steps in order"}
        ),
    ),
)
