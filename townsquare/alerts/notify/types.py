"""What the room says about calls and the ways they go, and the alarm about a way that fails."""

from datetime import timedelta

from townsquare.alerts.who import READERS
from townsquare.model.declaration import EntityType, Words
from townsquare.model.rule import Rule

NOTIFICATION, CHANNEL, BROWSER = "Notification", "NotificationChannel", "NotificationBrowser"
ROTA = "OnCallRota"
KEPT = timedelta(days=30)  # longer than any chain can run; the log keeps what became of each
FAILED_IN_A_ROW = 3

TYPES = (
    EntityType(
        NOTIFICATION,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"engineer"}),
        accountable=True,
        history=False,
        deletable=False,
        swept=True,
        queried=frozenset({"state"}),
        title="Calls to people on call",
        words=Words(
            "the call",
            "contact",
            "to",
            {
                "contact": "who is called",
                "channel": "on which way",
                "alarm": "the alarms it is about",
                "calls": "the steps it makes",
                "step": "the step of the chain",
                "rota": "the rota",
                "state": "what became of it",
                "tries": "how often it was tried",
                "answer": "what the other side said last",
                "queuedAt": "when it was decided",
                "endedAt": "when it was sent or given up",
                "test": "whether it is a test",
                "askedBy": "who asked for the test",
            },
        ),
    ),
    EntityType(
        CHANNEL,
        owner="alerts",
        readers=READERS,
        history=False,
        title="Ways to call people, and whether they work",
        words=Words("the way to call", "contact"),
    ),
    EntityType(
        BROWSER,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"operator", "engineer"}),
        accountable=True,
        history=False,
        deletable=False,
        swept=True,
        title="Browsers that are called",
        words=Words(
            "a browser",
            "contact",
            "of",
            {
                "contact": "in whose place it is called",
                "service": "the push service it is reached by",
                "state": "whether it is called",
                "registeredBy": "who registered it",
                "registeredAt": "when it was registered",
            },
        ),
    ),
    EntityType(
        ROTA,
        owner="alerts",
        readers=READERS,
        commanders=frozenset({"operator", "engineer"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=400),  # as of the alarms that it was for
        title="Rotas: who is on call when",
        words=Words(
            "the rota",
            "name",
            attributes={
                "name": "its name",
                "definition": "who is on call when",
                "holds": "whether it holds in place of the settings'",
                "changedBy": "who changed it last",
            },
        ),
    ),
)
FAILING = Rule(
    "notify-channel-failed",
    "A way to call people fails",
    CHANNEL,
    "failures",
    above=FAILED_IN_A_ROW,
    clear_below=0,
    severity="high",
    consequence="Who is on call may not hear of alarms.",
    response="Read why at /control/notify, repair it, and send a test there.",
    scope="",
)
RULES = (FAILING,)
