"""Types of entities of this room: who reads them, for how long, and what everyone may see."""

from datetime import timedelta

from townsquare.model.count_error import bounds_of
from townsquare.model.declaration import EntityType, Words
from townsquare.vision.entities import CAMERA, CROWD, HEALTH, LAYOUT, LEASE, TRAFFIC, WORKER
from townsquare.vision.evaluated import EVALUATION
from townsquare.vision.event_entities import EVENT

TOWN_HALL = frozenset({"operator", "engineer", "data-protection", "security"})
COUNTED = frozenset(
    {
        *("name", "refDevice", "dateObservedFrom", "dateObservedTo", "coverage", "sample"),
        *("peopleCount", "peopleCountMax", "peopleCountTowards", "peopleCountAway"),
        *("vehicleType", "laneDirection", "intensity"),
        *bounds_of("peopleCountTowards"),
        *bounds_of("peopleCountAway"),
        *bounds_of("intensity"),
        *("countLevel", "countEvaluated"),
    }
)
DECLARED = frozenset(
    {
        *("cameraName", "location", "purpose", "legalBasis", "owner", "reviewDate"),
        *("reviewOverdue", "impactAssessment", "impactAssessmentDate"),
        *("status", "statusSince", "trouble", "sample", "lines", "zones", "pictureSize"),
        *("countsOnly", "maskCount", "recorded", "direction", "viewAngle", "viewRange"),
    }
)
EVALUATED = {
    "refDevice": "the camera",
    "dateEvaluated": "in which hour",
    "durationMinutes": "for how many minutes",
    "light": "under which light",
    "detector": "what counted",
    "detectorChecksum": "checksum of what counted",
    "evaluatedBy": "who counted by hand",
    "method": "how",
    "results": "what was counted, missed and counted falsely",
}
LAID_OUT = {
    "refDevice": "the camera",
    "holds": "what holds: the drawing or the settings",
    "lines": "the lines",
    "zones": "the zones",
    "ground": "known points of the ground",
    "masks": "what is hidden",
    "drawnOn": "the size of the picture it is drawn on",
    "changedBy": "who drew it",
}
COUNTERS = frozenset({"operator", "engineer"})
# So that a whole year stands beside the one before. They are sums of 5 minutes and of nobody.
TWO_YEARS = timedelta(days=760)
TYPES = (
    EntityType(
        CAMERA,
        "vision",
        TOWN_HALL,
        published=DECLARED,
        published_everywhere=True,
        title="Cameras",
        words=Words("the camera", "cameraName"),
    ),
    EntityType(HEALTH, "vision", TOWN_HALL, history=False, title="Whether cameras work"),
    EntityType(
        WORKER,
        "vision",
        TOWN_HALL,
        history=False,
        title="Whether what counts runs",
        words=Words("the process that counts", ""),
    ),
    EntityType(
        CROWD,
        "vision",
        COUNTERS,
        retention=TWO_YEARS,
        published=COUNTED,
        title="Counts of people",
    ),
    EntityType(
        TRAFFIC,
        "vision",
        COUNTERS,
        retention=TWO_YEARS,
        published=COUNTED,
        title="Counts of vehicles",
    ),
    EntityType(EVENT, "vision", COUNTERS, title="What cameras watch for beside counting"),
    EntityType(
        LEASE,
        "vision",
        frozenset({"operator", "engineer", "data-protection"}),
        commanders=COUNTERS,  # an engineer draws lines and counts by hand on it
        accountable=True,
        deletable=False,
        retention=timedelta(days=400),  # a yearly report of accesses looks back on all of it
        title="Looks at a drawn preview",
        words=Words(
            "a look at the drawn picture",
            "refCamera",
            "of",
            {
                "refCamera": "the camera",
                "actor": "who looks",
                "purpose": "what for",
                "validUntil": "until when",
            },
        ),
    ),
    EntityType(
        EVALUATION,
        "vision",
        TOWN_HALL,
        commanders=frozenset({"engineer"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=3650),  # how a camera's error went over its life
        published=frozenset(EVALUATED),
        published_everywhere=True,
        title="How well cameras count",
        words=Words("a hand count", "refDevice", "at", EVALUATED),
    ),
    EntityType(
        LAYOUT,
        "vision",
        TOWN_HALL,
        commanders=frozenset({"engineer"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=3650),  # what was counted where, as long as how well
        title="How cameras are laid out",
        words=Words("what is drawn", "refDevice", "at", LAID_OUT),
    ),
)
