"""The type of entity by which a camera is declared in the running town."""

from townsquare.model.declaration import EntityType, Words

REGISTRATION = "CameraRegistration"
ENGINEERS = frozenset({"engineer"})

TYPES = (
    EntityType(
        REGISTRATION,
        owner="vision",
        readers=frozenset({"engineer", "data-protection", "security"}),
        commanders=ENGINEERS,
        accountable=True,
        deletable=False,
        queried=frozenset({"cameraState"}),
        logged=frozenset({"cameraState"}),
        title="How cameras are declared",
        words=Words(
            "the declaration of a camera",
            "cameraName",
            attributes={
                "cameraName": "its name",
                "cameraState": "whether it is live",
                "declared": "what it is for, and how it is read",
                "changedBy": "who declared it",
                "removedWhy": "why it was taken away",
            },
        ),
    ),
)
