"""Road users in a picture: boxes with a class and a score, nothing about who they are.

The model is one of those that may be loaded, by the sum of its content, and what it answers is one
of the closed families: it has no output for anything else, so nothing else can be asked of it.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from av import VideoFrame

from townsquare.model.errors import CannotStart
from townsquare.vision.boxes import Boxes, found_in
from townsquare.vision.detectors import graph, listed
from townsquare.vision.detectors.families import FAMILIES, Family, Size, breaches
from townsquare.vision.detectors.graph import Array, Graph
from townsquare.vision.detectors.listed import Card
from townsquare.vision.resized import Resizer
from townsquare.vision.wire import NONE, SEAL_BYTES, Compiled

DEFAULT = "nanodet"
GREY = 114  # around a picture that has other proportions than the model's, as they were trained


def opened(name: str = DEFAULT, town: Path | None = None, compiled: Compiled = NONE) -> "Detector":
    """`town` is the town's folder of models. Raises Invalid or CannotStart."""
    return of(listed.card(name, town), compiled)


def of(card: Card, compiled: Compiled = NONE) -> "Detector":
    """Raises CannotStart where its files are missing or other than listed, or say more than they
    may.
    """
    family = FAMILIES[card.model.family]
    made = _imported(compiled) or graph.opened(*listed.content(card))
    size = family.size(made.inputs)
    if wrong := breaches(family, made.outputs) or _unfit(size):
        one = card.model
        raise CannotStart(f"model {one.name} is not of family {one.family}: {wrong[0]}")
    return Detector(family, made, size)


def _imported(compiled: Compiled) -> Graph | None:
    """None where another file lies there by now, or it does not fit after all."""
    try:
        content = Path(compiled.file).read_bytes() if compiled.file else b""
    except OSError:
        return None
    known = compiled.sum == hashlib.sha256(content).hexdigest()
    return graph.imported(content[SEAL_BYTES:]) if known else None


def _unfit(size: Size) -> list[str]:
    return [] if all(32 <= n <= 4096 for n in size) else ["it takes pictures of no fixed size"]


@dataclass(slots=True)
class Detector:
    """Holds the compiled model. One call at a time."""

    family: Family
    graph: Graph
    size: Size
    resizer: Resizer = field(default_factory=lambda: Resizer("bgr24"))
    square: Array = field(init=False)

    def __post_init__(self) -> None:
        width, height = self.size
        self.square = np.full((height, width, 3), GREY, np.uint8)

    def detect(self, frame: VideoFrame) -> Boxes:
        width, height = self._fitted(frame)
        self.square[...] = GREY
        self.square[:height, :width] = self.resizer.resized(frame, width, height)
        answer = self.graph.run(self.family.takes(self.square))
        scores, corners = self.family.says(answer, self.size)
        x, y = frame.width / width, frame.height / height
        return found_in(scores, corners * np.array([[x], [y], [x], [y]], np.float32))

    def _fitted(self, frame: VideoFrame) -> Size:
        """How large the camera's picture is inside the model's."""
        if not self.family.whole:
            return self.size
        scale = min(self.size[0] / frame.width, self.size[1] / frame.height)
        return max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
