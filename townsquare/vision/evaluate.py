"""Count a recorded clip with the code that counts live, to hold it against the truth."""

from collections import Counter
from collections.abc import Iterator, Sequence

from townsquare.model.camera import Line
from townsquare.vision.boxes import Boxes
from townsquare.vision.count import Crossing
from townsquare.vision.detect import Detector
from townsquare.vision.glance import Glance
from townsquare.vision.looking import rate_per_s
from townsquare.vision.read import Pace, pictures, thinned
from townsquare.vision.scene import Scene, after

Seen = Sequence[tuple[float, Boxes]]


def boxes_of(url: str, detector: Detector, per_s: float) -> Iterator[tuple[float, Boxes]]:
    """Seconds from the start, and what is seen there, `per_s` times a second."""
    for picture, wanted in thinned(pictures(url), Pace(per_s)):
        if wanted:
            yield picture.at_s, detector.detect(picture.frame)


def watched(url: str, detector: Detector, per_s: float, lines: Sequence[Line]) -> Counter[Crossing]:
    """How often each line was crossed, looked at when and as often as a camera is live."""
    scene, glance, pace, found = Scene(), Glance(detector), Pace(per_s), Counter[Crossing]()
    for picture, wanted in thinned(pictures(url), pace):
        if wanted:
            boxes = glance.boxes(picture, scene.tracks.alive)
            scene, new = after(scene, boxes, picture.at_s, lines)
            found.update(new.crossings)
            pace.per_s = rate_per_s(scene.tracks.alive, per_s)
    return found


def crossings(seen: Seen, lines: Sequence[Line]) -> Iterator[tuple[float, Crossing]]:
    """Each crossing with the second at which it was noticed."""
    scene = Scene()
    for at_s, found in seen:
        scene, new = after(scene, found, at_s, lines)
        for crossing in new.crossings:
            yield at_s, crossing


def counts(seen: Seen, lines: Sequence[Line]) -> Counter[Crossing]:
    """How often each was crossed: line, class and direction."""
    return Counter(crossing for _, crossing in crossings(seen, lines))
