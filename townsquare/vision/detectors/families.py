"""The kinds of detector that are understood: how each takes a picture, and what it may answer.

Always holds: the outputs of a family are a closed list of types and shapes, which hold places,
scores and classes of things. A graph with one output more, or a wider one, is refused, so there is
nowhere for what would tell one person from another. Pure, on arrays.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from townsquare.model.camera import RoadUser
from townsquare.vision.boxes import KINDS, Floats
from townsquare.vision.detectors.graph import Array, Port, Shape

Size = tuple[int, int]  # width and height in pixels
Said = tuple[Floats, Floats]  # scores (7, n) 0 to 1, rows as KINDS; corners (4, n) xyxy in pixels
ANY = 0  # size of a dimension, as a graph says that it is open
MOST_THINGS = 100_000  # rows of an output; far more than cells of any detector
# What classes are called by number. Of a vehicle such a model does not say which kind it is.
OPEN_MODEL_ZOO: Mapping[int, RoadUser] = {0: "car", 1: "person", 2: "bicycle"}
COCO: Mapping[int, RoadUser] = {
    **{0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"},
    6: "tram",  # a train there: what rides on rails in a street
}
COCO_CLASSES = 80
STRIDES = (8, 16, 32)  # pixels, of the grids of cells


@dataclass(frozen=True, slots=True)
class Output:
    """`shape` has ANY where as many things may stand as were found."""

    shape: Shape
    type: str = "float32"


@dataclass(frozen=True, slots=True)
class Family:
    """`takes` makes the inputs of a picture (height, width, 3), blue green red, of the model's own
    size; `says` tells what the outputs mean. `whole` says that a camera's picture is fitted in with
    its proportions, else it is stretched.
    """

    outputs: tuple[Output, ...]
    takes: Callable[[Array], Sequence[Array]]
    says: Callable[[Sequence[Array], Size], Said]
    whole: bool = True
    channels: int = 1  # which dimension of the input they are

    def size(self, inputs: Sequence[Port]) -> Size:
        """Of the picture that the model takes; (0, 0) where it says none."""
        sizes = [size for n, size in enumerate(inputs[0].shape) if n not in (0, self.channels)]
        return (sizes[1], sizes[0]) if len(sizes) == 2 else (0, 0)


def breaches(family: Family, outputs: Sequence[Port]) -> list[str]:
    """What of these outputs the family does not have. Empty where the graph is one of it."""
    if len(outputs) != len(family.outputs):
        return [f"it has {len(outputs)} outputs, where such a model has {len(family.outputs)}"]
    return [
        f"output {port.name!r} is {_written(port.shape)} {port.type or 'of another type'},"
        f" where such a model has {_written(wanted.shape)} {wanted.type}"
        for port, wanted in zip(outputs, family.outputs, strict=True)
        if port.type != wanted.type or not _fits(port.shape, wanted.shape)
    ]


def _fits(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        found <= MOST_THINGS if size == ANY else found == size
        for found, size in zip(shape, wanted, strict=True)
    )


def _written(shape: Shape) -> str:
    return " x ".join(str(size) if size else "n" for size in shape)


# --- what goes in


def _as_it_is(picture: Array) -> Sequence[Array]:
    return [picture[None]]


def _planes(picture: Array) -> Sequence[Array]:
    """Blue, green and red one after the other, 0 to 255."""
    return [picture.transpose(2, 0, 1)[None].astype(np.float32)]


def _shares(picture: Array) -> Sequence[Array]:
    """Red, green and blue, 0 to 1; and the size in which corners are to be told."""
    height, width = picture.shape[:2]
    planes = picture[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    return [planes / np.float32(255), np.array([[width, height]], np.int64)]


# --- what comes out


def _cells(outputs: Sequence[Array], size: Size) -> Said:
    scores, corners = outputs
    return scores, corners


def _rows(outputs: Sequence[Array], size: Size) -> Said:
    rows, labels = outputs
    return _each(rows[:, 4], labels, OPEN_MODEL_ZOO), rows[:, :4].T


def _ssd(outputs: Sequence[Array], size: Size) -> Said:
    rows = outputs[0].reshape(-1, 7)
    # A row with a picture's number below 0 ends the list.
    rows = rows[: int(np.argmax(rows[:, 0] < 0)) if (rows[:, 0] < 0).any() else None]
    corners = rows[:, 3:7] * np.array([*size, *size], np.float32)
    return _each(rows[:, 2], rows[:, 1], OPEN_MODEL_ZOO), corners.T


def _yolox(outputs: Sequence[Array], size: Size) -> Said:
    rows = outputs[0][0]
    corner, stride = _grid(size)
    centre, half = (rows[:, :2] + corner) * stride, np.exp(rows[:, 2:4]) * stride / 2
    scores = (rows[:, 4:5] * rows[:, 5:]).T
    return scores[list(_coco())], np.hstack([centre - half, centre + half]).T


def _transformer(outputs: Sequence[Array], size: Size) -> Said:
    labels, corners, scores = (output[0] for output in outputs)
    return _each(scores, labels, COCO), corners.T


def _each(scores: Array, labels: Array, called: Mapping[int, RoadUser]) -> Floats:
    """Scores (7, n) of things that have one class each; others than road users get none."""
    spread = np.zeros((len(KINDS), len(scores)), np.float32)
    for number, of in called.items():
        spread[KINDS.index(of)] = np.where(labels == number, scores, 0)
    return spread


@cache
def _coco() -> tuple[int, ...]:
    """Numbers of the road users, in the order of KINDS."""
    numbers = {of: number for number, of in COCO.items()}
    return tuple(numbers[of] for of in KINDS)


@cache
def _grid(size: Size) -> tuple[Floats, Floats]:
    """Column and row (n, 2) of every cell of all grids, and its stride (n, 1)."""
    width, height = size
    corners, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        corners.append(np.stack([x.ravel(), y.ravel()], 1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


_ROWS = (Output((ANY, 5)), Output((ANY,), "int64"))
_TRANSFORMER = (Output((1, ANY), "int64"), Output((1, ANY, 4)), Output((1, ANY)))
FAMILIES: Mapping[str, Family] = {
    "townsquare": Family(
        (Output((len(KINDS), ANY)), Output((4, ANY))), _as_it_is, _cells, channels=3
    ),
    "open-model-zoo": Family(_ROWS, _planes, _rows, whole=False),
    "open-model-zoo-ssd": Family((Output((1, 1, ANY, 7)),), _planes, _ssd, whole=False),
    "yolox": Family((Output((1, ANY, 5 + COCO_CLASSES)),), _planes, _yolox),
    "detr": Family(_TRANSFORMER, _shares, _transformer, whole=False),
}
