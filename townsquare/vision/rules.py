"""Rules of this room that come with the product: what does not count calls an operator. Pure.

Always holds: a town changes one by a rule of the same name in its settings, or does without it.
"""

from townsquare.model.rule import Rule
from townsquare.vision.entities import CAMERA, WORKER

CAMERA_FAILING = Rule(
    "camera-failing",
    "Camera delivers nothing",
    CAMERA,
    q='status=="failing"',
    for_s=60,  # one that is started again is back sooner
    severity="medium",
    consequence="Nothing is counted there, and nothing that happens there raises an alarm.",
    response="Read at the camera what the trouble is; call who looks after it.",
    scope="",
)
WORKER_DEAD = Rule(
    "worker-dead",
    "A process that counts has ended",
    WORKER,
    "dead",
    above=1,
    clear_below=0,
    for_s=15,  # sooner than its cameras call, which it silences
    severity="high",
    consequence="None of its cameras is counted until it runs again.",
    response="It is started again by itself; if it ends again, read the log of the server.",
    scope="",
    silences=True,
)
RULES = (CAMERA_FAILING, WORKER_DEAD)
