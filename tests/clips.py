"""Clips of events, composed from the sample clips, since there are no real ones: vehicles and
people are cut out where they really were, and put elsewhere or held; a view is covered or turned.
Each has its labels: what begins where, when, and when it is over, in seconds of the clip.

Nothing of this is kept: it is made anew for each test, as MPEG-4.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from townsquare.model.camera import (
    Crowding,
    Intrusion,
    LeftObject,
    Line,
    Point,
    Queue,
    RoadUser,
    SceneChanged,
    StoppedVehicle,
    WrongWay,
    Zone,
)
from townsquare.vision.observation import What
from townsquare.vision.wire import Watched

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "videos"
PEOPLE, JUNCTION = CLIPS / "vtest.avi", CLIPS / "ot_Cars-Truck.mp4"
STEP_S = 0.2  # between two pictures; while a place is learnt half a second
LEARNT_S = 62.0  # a view and a place are known after a minute
Pixels = npt.NDArray[np.uint8]  # (h, w, 3) red green blue
Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Label:
    """`told_s` is when it is to be told; `until_s` is None where the clip ends before that."""

    zone: str
    what: What
    since_s: float
    told_s: float
    until_s: float | None


@dataclass(frozen=True)
class Clip:
    name: str
    camera: Watched
    labels: tuple[Label, ...]


# --- what is cut out, and where it goes


@dataclass(frozen=True)
class Cutout:
    pixels: Pixels
    alpha: npt.NDArray[np.float32]  # (h, w, 1)

    def on(self, picture: Pixels, foot: Point) -> None:
        """Its bottom centre there, wholly on the picture or not at all."""
        height, width = self.pixels.shape[:2]
        left, top = round(foot[0] - width / 2), round(foot[1] - height)
        part = picture[top : top + height, left : left + width]
        if min(left, top) >= 0 and part.shape == self.pixels.shape:
            part[:] = part + self.alpha * (self.pixels.astype(np.float32) - part)


@dataclass(frozen=True)
class Going:
    """A cut-out on its way: at these seconds there, evenly between them, not there else."""

    what: Cutout
    way: Sequence[tuple[float, Point]]

    def on(self, picture: Pixels, at_s: float) -> None:
        times = [time for time, _ in self.way]
        if times[0] <= at_s <= times[-1]:
            x, y = (np.interp(at_s, times, [foot[n] for _, foot in self.way]) for n in (0, 1))
            self.what.on(picture, (float(x), float(y)))


def cut(picture: Pixels, empty: Pixels, box: Box) -> Cutout:
    """What differs from the empty place in this box, with soft edges."""
    left, top, right, bottom = box
    there = np.s_[top:bottom, left:right]
    off = np.abs(picture[there].astype(np.int16) - empty[there]).max(axis=2) > 20
    alpha = _spread(_spread(off.astype(np.float32)) > 0.35)
    return Cutout(picture[there].copy(), alpha[..., None].astype(np.float32))


def _spread(mask: npt.NDArray[np.floating | np.bool_]) -> npt.NDArray[np.float32]:
    """Mean of five by five."""
    moves = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    return np.asarray(np.mean([np.roll(mask, move, (0, 1)) for move in moves], axis=0), np.float32)


def pictures(clip: Path, every: int = 1) -> Iterator[Pixels]:
    with av.open(str(clip), "r") as container:
        for frame in islice(container.decode(video=0), 0, None, every):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def written(path: Path, shown: Iterable[tuple[float, Pixels]]) -> Path:
    """Pictures with their seconds; a little noise makes each differ, as of any camera."""
    random = np.random.default_rng(0)
    noise = None
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10, options={"qmin": "2", "qmax": "4"})
        assert isinstance(stream, VideoStream)
        stream.codec_context.time_base = Fraction(1, 10)
        for n, (at_s, picture) in enumerate(shown):
            if noise is None:
                noise = random.integers(-2, 3, (4, *picture.shape), np.int16)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            noisy = np.clip(picture + noise[n % 4], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(at_s * 10), Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def times(until_s: float, learnt_s: float = 0.0) -> list[float]:
    slow = np.arange(0, learnt_s, 0.5)
    return [float(at) for at in (*slow, *np.arange(learnt_s, until_s, STEP_S))]


def played(
    place: Callable[[float], Pixels], going: Sequence[Going], at: Sequence[float]
) -> Iterator[tuple[float, Pixels]]:
    for at_s in at:
        picture = place(at_s).copy()
        for one in going:
            one.on(picture, at_s)
        yield at_s, picture


# --- the places, and who can be there


@dataclass(frozen=True)
class Junction:
    """The empty road, a car that is seen from behind and a lorry."""

    empty: Pixels
    car: Cutout
    lorry: Cutout


def junction() -> Junction:
    shown = list(pictures(JUNCTION))
    first, empty = shown[0], shown[59].copy()
    for left, top, right, bottom in ((325, 55, 545, 185), (640, 55, 725, 112)):
        empty[top:bottom, left:right] = first[top:bottom, left:right]
    car = cut(first, empty, (568, 128, 720, 218))
    return Junction(empty, car, cut(first, empty, (112, 82, 258, 182)))


@dataclass(frozen=True)
class Square:
    """People walk there all the time, and nobody on the lawn in front."""

    shown: list[Pixels] = field(repr=False)
    walker: Cutout

    def at(self, at_s: float) -> Pixels:
        return self.shown[round(at_s * 5) % len(self.shown)]


def square() -> Square:
    shown = list(pictures(PEOPLE, 2))  # five a second
    empty = np.median(shown[::10], axis=0).astype(np.uint8)
    return Square(shown, cut(shown[100], empty, (698, 244, 752, 360)))


# --- the clips

ROAD = Zone(
    "road",
    ((100, 190), (795, 190), (795, 595), (100, 595)),
    stopped_vehicle=StoppedVehicle(after_s=10),
    wrong_way=WrongWay((700, 400), (150, 300)),
    intrusion=Intrusion(),
    crowding=Crowding(persons=3),
    queue=Queue("stop", vehicles=3, after_s=10),
    left_object=LeftObject(after_s=30),
)
STOP = Line("stop", (200, 200), (200, 420))
VEHICLES: tuple[RoadUser, ...] = ("car", "truck", "bus")


def of_junction(path: Path) -> Watched:
    changed = SceneChanged(after_s=5)
    return Watched("junction", str(path), VEHICLES, (STOP,), (ROAD,), scene_changed=changed)


def stopped(folder: Path, place: Junction) -> Clip:
    way = [(1.0, (700, 420)), (5.0, (420, 340)), (21.0, (420, 340)), (24.0, (180, 290))]
    going = [Going(place.car, way)]
    path = written(folder / "stopped.mkv", played(lambda _: place.empty, going, times(29)))
    labels = (Label("road", "stoppedVehicle", 5, 15, 21),)
    return Clip("a car held where it came to rest", of_junction(path), labels)


def driven(folder: Path, place: Junction, *, back: bool) -> Clip:
    """Through the zone, and the same from its end to its beginning."""
    way = [(1.0, (700, 420)), (7.0, (180, 300))]
    shown = list(played(lambda _: place.empty, [Going(place.car, way)], times(8)))
    after = [(at_s, place.empty) for at_s in times(12)[len(shown) :]]
    if not back:
        path = written(folder / "driven.mkv", [*shown, *after])
        return Clip("a car that drives through", of_junction(path), ())
    turned = [(at_s, picture) for (at_s, _), (_, picture) in zip(shown, shown[::-1], strict=True)]
    path = written(folder / "back.mkv", [*turned, *after])
    # Two lengths of its box, 260 pixels, are three seconds of its way.
    labels = (Label("road", "wrongWay", 4, 4, 7),)
    return Clip("the same, played backwards", of_junction(path), labels)


def queued(folder: Path, place: Junction) -> Clip:
    """Three come one after the other, and go together."""
    going = []
    for n, what in enumerate((place.car, place.lorry, place.car)):
        begin, rest = 1 + 2.0 * n, (290 + 165 * n, 330 + 25 * n)
        way = [(begin, (715, 440)), (begin + 3, rest), (26.0, rest), (29.0, (180, 300))]
        going.append(Going(what, way))
    path = written(folder / "queued.mkv", played(lambda _: place.empty, going, times(35)))
    labels = (Label("road", "queue", 8, 18, 26), Label("road", "stoppedVehicle", 4, 14, 26))
    return Clip("three vehicles pasted and held", of_junction(path), labels)


def left(folder: Path, place: Junction, visitor: Cutout) -> Clip:
    """Somebody brings a thing (a part of the lorry's load) and goes without it."""
    thing = Cutout(place.lorry.pixels[18:44, 18:54], np.ones((26, 36, 1), np.float32))
    way = [(64.0, (740, 480)), (68.0, (520, 470)), (70.0, (520, 470)), (75.0, (780, 480))]
    going = [Going(visitor, way), Going(thing, [(68.0, (480, 470)), (112.0, (480, 470))])]
    at = times(113, LEARNT_S)
    path = written(folder / "left.mkv", played(lambda _: place.empty, going, at))
    labels = (
        Label("road", "intrusion", 64, 66, 75),
        Label("road", "leftObject", 72, 102, None),
    )
    return Clip("a thing pasted and left", of_junction(path), labels)


LAWN = Zone(
    "lawn",
    ((0, 400), (380, 400), (440, 575), (0, 575)),
    stopped_vehicle=StoppedVehicle(after_s=10),
    intrusion=Intrusion(),
    crowding=Crowding(persons=3, after_s=8),
)


def of_square(path: Path) -> Watched:
    changed = SceneChanged(after_s=5)
    return Watched("square", str(path), ("person",), (), (LAWN,), scene_changed=changed)


def crowded(folder: Path, place: Square) -> Clip:
    """One comes over the lawn, then three more, and they stand there."""
    going = [
        Going(place.walker, [(t, (30 + 60 * n, 560 - 15 * n)), (t + 4, (90 + 80 * n, 545)),
                             (20.0, (95 + 80 * n, 550))])
        for n, t in enumerate((2.0, 6.0, 6.4, 6.8))
    ]  # fmt: skip
    path = written(folder / "crowded.mkv", played(place.at, going, times(27)))
    labels = (Label("lawn", "intrusion", 2, 4, 20), Label("lawn", "crowding", 6.4, 14.4, 20))
    return Clip("people pasted on a lawn", of_square(path), labels)


def unchanged(folder: Path, place: Square) -> Clip:
    path = written(folder / "unchanged.mkv", played(place.at, [], times(20)))
    return Clip("the square as it is", of_square(path), ())


def changed(folder: Path, place: Square) -> Clip:
    """Covered by a grey sheet that is drawn over it; open again; then turned to the side."""

    def view(at_s: float) -> Pixels:
        picture = place.at(at_s).copy()
        if 64 <= at_s < 78:
            across = round(768 * min(1.0, (at_s - 64) / 2))
            picture[:, :across] = 90
        elif at_s >= 90:
            part = av.VideoFrame.from_ndarray(picture[60:420, 200:680].copy(), format="rgb24")
            picture = np.asarray(part.reformat(768, 576).to_ndarray(), np.uint8)
        return picture

    path = written(folder / "changed.mkv", played(view, [], times(105, 105)))
    labels = (Label("", "sceneChanged", 66, 71, 78), Label("", "sceneChanged", 90, 95, None))
    camera = Watched("square", str(path), (), (), (), scene_changed=SceneChanged(after_s=5))
    return Clip("a view covered, then turned", camera, labels)
