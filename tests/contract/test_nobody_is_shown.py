"""The promise of previews, on a real clip: nobody who moves can be seen in any of them.

The strongest detector at hand says who is there, and its boxes where the empty place shows. It and
the clip lie outside the repository: where they are absent, this is not tested. Of the clips for
development only this one has persons whom that detector finds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from tests import seen
from tests.seen import Live, Person, Place, Shown
from townsquare.vision.background import Bytes, ready
from townsquare.vision.boxes import Boxes
from townsquare.vision.detect import opened
from townsquare.vision.preview import drawn
from townsquare.vision.read import Picture, pictures
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Watched

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CLIP, MODELS = SHARED / "videos" / "vtest.avi", SHARED / "models"
EVERY = 8  # pictures of the clip; at 5 looks a second every fourth of those is one of these
NOBODY = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))

pytestmark = pytest.mark.skipif(
    not (CLIP.is_file() and (MODELS / "pvb-2003-FP16.xml").is_file()),
    reason="the clip and the judge lie outside the repository and are absent here",
)


@dataclass(slots=True)
class Clip:
    """`there` are the persons who can be told from the place behind them, by time in the clip."""

    lives: list[Live]
    empty: Place
    there: dict[float, list[Person]]


@cache
def clip() -> Clip:
    lives = list(seen.live(pictures(str(CLIP)), seen.strongest(MODELS), EVERY))
    empty = seen.place(lives)
    return Clip(lives, empty, {one.at_s: seen.visible(one, empty) for one in lives})


@dataclass(slots=True)
class Tally:
    persons: int = 0
    drawn: int = 0
    shown: list[str] = field(default_factory=list)


def held_against_the_clip(found: Callable[[Picture], Boxes]) -> tuple[Tally, list[Bytes]]:
    """What a worker shows of the clip, played twice; and each background that it ever drew on."""
    shown = Shown(Watch(Watched("square", "", ("person",), (), ())), found)
    lives = {one.at_s: one for one in clip().lives}
    tally, backgrounds = Tally(), dict[bytes, Bytes]()
    for _, picture in shown.after(CLIP, rounds=2, per_s=5):
        behind, one = shown.watch.background, lives.get(picture.at_s)
        if behind is None or one is None or not ready(behind):
            continue
        preview = drawn(behind, shown.watch.figures())
        assert preview is not None
        backgrounds[behind.picture.tobytes()] = behind.picture.copy()
        shapes = (preview != behind.picture).any(-1)
        for person in clip().there[one.at_s]:
            tally.persons += 1
            tally.drawn += seen.covered(person, shapes) >= seen.COVERED
            share = seen.shown(person, one, clip().empty, preview, shapes)
            if share > seen.SEEN:
                tally.shown.append(f"{share:.0%} of one at {one.at_s} s, {person.area}")
    assert backgrounds, "it never had enough of the place to show it"
    return tally, list(backgrounds.values())


def anybody(picture: Bytes) -> list[str]:
    """Whom of the whole clip, of whatever moment, this picture shows."""
    bare = np.zeros(picture.shape[:2], bool)
    return [
        f"one of {one.at_s} s, {person.area}"
        for one in clip().lives
        for person in clip().there[one.at_s]
        if seen.shown(person, one, clip().empty, picture, bare) > seen.SEEN
    ]


def test_the_measure_finds_a_person_who_is_put_in_and_nobody_in_the_empty_place() -> None:
    """Whole, and the upper half alone. Else the tests below would say nothing."""
    empty = clip().empty
    assert empty.known.mean() > 0.99
    bare = np.zeros(empty.pixels.shape[:2], bool)
    missed, planted = [], 0
    for one in clip().lives:
        for person in clip().there[one.at_s]:
            rows, columns = person.area
            for until in (rows.stop, (rows.start + rows.stop) // 2):
                picture = empty.pixels.copy()
                picture[rows.start : until, columns] = one.pixels[rows.start : until, columns]
                planted += 1
                if seen.shown(person, one, empty, picture, bare) <= seen.SEEN:
                    missed.append((one.at_s, person.area, until))
    assert planted > 1000
    assert missed == []
    assert anybody(empty.pixels) == []


def test_without_a_detector_nobody_who_moves_is_in_any_preview() -> None:
    tally, backgrounds = held_against_the_clip(lambda _: NOBODY)
    assert tally.persons > 500
    assert (tally.drawn, tally.shown) == (0, [])
    assert len(backgrounds) > 5
    assert [found for picture in backgrounds for found in anybody(picture)] == []


def test_with_one_nearly_everybody_is_under_a_shape_and_the_others_are_absent() -> None:
    detector, known = opened(), dict[float, Boxes]()

    def found(picture: Picture) -> Boxes:
        if picture.at_s not in known:  # the second time the clip is the same
            known[picture.at_s] = detector.detect(picture.frame)
        return known[picture.at_s]

    tally, backgrounds = held_against_the_clip(found)
    assert tally.persons > 500
    assert len(tally.shown) <= 0.005 * tally.persons, tally.shown
    assert tally.drawn >= 0.97 * tally.persons
    assert [one for picture in backgrounds for one in anybody(picture)] == []


def test_what_is_sent_is_what_was_drawn() -> None:
    shown = Shown(Watch(Watched("square", "", ("person",), (), ())), lambda _: NOBODY)
    for _ in shown.after(CLIP, rounds=1, per_s=2):
        pass
    watch = shown.watch
    assert watch.background is not None
    picture, content = drawn(watch.background, watch.figures()), watch.preview()
    assert picture is not None
    assert content is not None
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(content))
    sent = frame.to_ndarray(format="rgb24")
    assert np.abs(sent.astype(int) - picture).mean() < 4
    assert anybody(np.asarray(sent, np.uint8)) == []
