"""Whether anybody can be seen in what a camera shows: previews of a clip, held against the clip.

The reference is the place without anybody: the median of each pixel over the clip, without the
boxes of the strongest detector at hand. Of each person whom that detector finds, the pixels are
taken that differ clearly from that place. A preview shows the person as far as these are nearer to
the live picture than to the empty place; what an opaque shape covers, it does not show.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from townsquare.vision import background
from townsquare.vision.background import GREY, Box, Bytes, cover
from townsquare.vision.boxes import PEDESTRIAN, Boxes
from townsquare.vision.detect import Detector
from townsquare.vision.detectors import graph
from townsquare.vision.detectors.families import FAMILIES
from townsquare.vision.read import Pace, Picture, pictures, thinned
from townsquare.vision.watch import Watch

Mask = npt.NDArray[np.bool_]

SURE = 0.4  # score from which the strong detector's person is one
AROUND = 0.15  # of a box, left out of the reference as well: its shadow, and a foot ahead of it
ENOUGH = 9  # pictures in which a pixel was free of boxes; else the place behind is not known
CLEAR = 30  # grey levels in a channel: two pixels differ by more than noise and JPEG
LEAST = 0.1  # of a box that must differ from the place: else nobody is seen in the live picture
SEEN = 0.2  # of these pixels; less is shadow, light and noise
COVERED = 0.5  # of these pixels under shapes: the person is drawn


@dataclass(frozen=True, slots=True)
class Live:
    """A picture of the clip at the size of previews, (h, w, 3), and the persons in it."""

    at_s: float
    pixels: Bytes
    persons: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Without anybody. `known` is where the clip ever showed it."""

    pixels: Bytes
    known: Mask


def strongest(models: Path) -> Detector:
    """person-vehicle-bike-detection-2003 from a folder, whatever its checksum: it judges here, and
    is not run by the product.
    """
    content, weights = (
        (models / f"pvb-2003-FP16{ending}").read_bytes() for ending in (".xml", ".bin")
    )
    made, family = graph.opened(content, weights), FAMILIES["open-model-zoo"]
    return Detector(family, made, family.size(made.inputs))


def persons(found: Boxes, size: tuple[int, int]) -> tuple[Box, ...]:
    """In shares of the picture."""
    sure = found.where((found.scores >= SURE) & (found.kinds == PEDESTRIAN))
    return tuple(
        (left / size[0], top / size[1], right / size[0], bottom / size[1])
        for left, top, right, bottom in sure.corners.tolist()
    )


def small(frame: VideoFrame) -> Bytes:
    width, height = background.size_for(frame.width, frame.height)
    return np.asarray(frame.reformat(width, height, "rgb24").to_ndarray(), np.uint8)


def live(all_of: Iterable[Picture], judge: Detector, every: int) -> Iterator[Live]:
    """Each so many-th picture."""
    for n, picture in enumerate(all_of):
        if n % every == 0:
            found = persons(judge.detect(picture.frame), picture.size)
            yield Live(picture.at_s, small(picture.frame), found)


def place(clip: Sequence[Live]) -> Place:
    height, width = clip[0].pixels.shape[:2]
    boxed = np.zeros((len(clip), height, width), bool)
    for one, mask in zip(clip, boxed, strict=True):
        cover(mask, one.persons, AROUND)
    free = (~boxed).sum(0)
    pixels = np.empty((height, width, 3), np.uint8)
    for row in range(height):  # all at once would take gigabytes
        levels = np.stack([one.pixels[row] for one in clip]).astype(np.int16)
        levels[boxed[:, row]] = 256  # so that sorting puts them last
        levels.sort(axis=0)
        middle = np.maximum(free[row] - 1, 0)[None, :, None] // 2
        pixels[row] = np.minimum(np.take_along_axis(levels, middle, axis=0)[0], 255)
    return Place(pixels, free >= ENOUGH)


def apart(a: Bytes, b: Bytes) -> npt.NDArray[np.int16]:
    """Greatest difference of a channel, (h, w)."""
    off: npt.NDArray[np.int16] = np.abs(a.astype(np.int16) - b).max(-1)
    return off


def area(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    height, width = shape[:2]
    left, top, right, bottom = box
    rows = slice(max(0, int(top * height)), min(height, int(bottom * height) + 1))
    return rows, slice(max(0, int(left * width)), min(width, int(right * width) + 1))


@dataclass(frozen=True, slots=True)
class Person:
    """Where somebody is who can be told from the place: `pixels` of the picture's `area`."""

    area: tuple[slice, slice]
    pixels: Mask


def visible(one: Live, empty: Place) -> list[Person]:
    """Those in the live picture who can be told from the place behind them."""
    found = []
    for box in one.persons:
        where = area(box, one.pixels.shape)
        pixels = empty.known[where] & (apart(one.pixels[where], empty.pixels[where]) > CLEAR)
        if pixels.size and pixels.mean() >= LEAST:
            found.append(Person(where, pixels))
    return found


def shown(person: Person, one: Live, empty: Place, picture: Bytes, shapes: Mask) -> float:
    """Share of a person's pixels that `picture` shows as they are live."""
    part, like, unlike = (a[person.area] for a in (picture, one.pixels, empty.pixels))
    near = apart(part, like)
    like_live = (near <= CLEAR) & (near < apart(part, unlike))
    # One even grey stands where nothing is known of the place.
    like_live &= (part != GREY).any(-1) & ~shapes[person.area]
    return float(like_live[person.pixels].mean())


def covered(person: Person, shapes: Mask) -> float:
    return float(shapes[person.area][person.pixels].mean())


@dataclass(slots=True)
class Shown:
    """A worker's eye on a clip, without the worker: what it would show after each picture."""

    watch: Watch
    found: Callable[[Picture], Boxes]  # what its detector finds

    def after(self, clip: Path, rounds: int, per_s: float) -> Iterator[tuple[int, Picture]]:
        """The clip is played again and again, as a file is; `watch` is as each picture left it."""
        began, at_s = datetime(2030, 6, 1, 12, tzinfo=UTC), 0.0
        for number in range(rounds):
            start_s = at_s
            for picture, wanted in thinned(pictures(str(clip)), Pace(per_s)):
                at_s = start_s + picture.at_s
                if wanted:
                    on = replace(picture, at_s=at_s)
                    self.watch.see(on, self.found(picture), began + timedelta(seconds=at_s), at_s)
                    yield number, picture
            at_s += 1 / per_s
