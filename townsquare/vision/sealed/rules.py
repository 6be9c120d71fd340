"""Rules of recording that come with the product. Pure.

Always holds: a town changes one by a rule of the same name in its settings, or does without it.
"""

from townsquare.model.rule import Rule
from townsquare.vision.sealed.drill_types import OVERDUE
from townsquare.vision.sealed.types import STATE

NOT_RECORDED = Rule(
    "camera-not-recorded",
    "Camera is not recorded",
    STATE,
    q='status=="failing"',
    for_s=60,  # a segment takes ten seconds, and a camera that begins anew a few more
    severity="medium",
    consequence="What happens there now can be shown to no court, and the gap stands in the list.",
    response="Read at the camera what the trouble is; call who looks after it.",
    scope="",
)
STOPPED = Rule(
    "recording-stopped",
    "Nothing is recorded: the disk has too little room",
    STATE,
    "stopped",
    above=1,
    clear_below=0,
    severity="high",
    consequence="No camera is recorded, so that the log and the town go on.",
    response="Make room on the disk of the data folder, or let [recording] most_gb be more.",
    scope="",
    silences=True,
)
RULES = (NOT_RECORDED, STOPPED, OVERDUE)
