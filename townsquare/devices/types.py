"""The devices of a town as entities: what was declared of each, and how it goes."""

from townsquare.model.actor import Why, room
from townsquare.model.declaration import EntityType, Words
from townsquare.model.rule import Rule

OWNER = "devices"
ROOM, WHY = room(OWNER), Why("operations")
DEVICE, STATUS, SOURCE = "DeviceRegistration", "DeviceStatus", "DeviceSource"
STAFF = frozenset({"operator", "engineer", "data-protection", "security"})

TYPES = (
    EntityType(
        DEVICE,
        owner=OWNER,
        readers=STAFF,
        commanders=frozenset({"engineer"}),
        accountable=True,
        deletable=False,
        queried=frozenset({"deviceState"}),
        logged=frozenset({"deviceState", "deviceKind", "controlledAsset"}),
        title="Devices",
        words=Words(
            "the device",
            "name",
            attributes={
                "name": "its name",
                "deviceState": "whether it is listened to",
                "source": "where it comes in",
                "serialNumber": "its id there",
                "deviceKind": "how it is read",
                "controlledAsset": "the thing that it tells of",
                "owner": "who answers for it",
                "purpose": "what it is for",
                "location": "the place",
                "dateFirstUsed": "when it was heard first",
                "acceptedBy": "who accepted it",
                "acceptedAt": "when it was accepted",
                "refusedWhy": "why it is not listened to",
            },
        ),
    ),
    EntityType(
        STATUS,
        owner=OWNER,
        readers=STAFF,
        history=False,
        title="How devices are heard",
    ),
    EntityType(
        SOURCE,
        owner=OWNER,
        readers=STAFF,
        history=False,
        title="Connections to devices",
    ),
)
RULES = (
    Rule(
        "device-floods",
        "Device sends far too much",
        STATUS,
        q="quarantined==true",
        ends_q="quarantined==false",
        severity="low",
        consequence="Nobody listens to it until ten minutes after it is quiet again.",
        response="Look at what it sends; have its owner set it right, or refuse it.",
        scope="",
    ),
    Rule(
        "device-source-lost",
        "Connection to devices is lost",
        SOURCE,
        q="connected==false",
        ends_q="connected==true",
        for_s=60,
        severity="medium",
        consequence="Nothing is heard of the devices that come in there.",
        response="Look whether the broker runs, and whether its certificate and login still hold.",
        scope="",
    ),
)
