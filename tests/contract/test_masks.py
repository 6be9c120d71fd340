"""Masks, with real decoded pictures: nothing that comes after can tell what is below them."""

import itertools
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from tests.contract.test_bad_input import raw
from townsquare.model.camera import Line
from townsquare.model.mask import Mask
from townsquare.vision import read
from townsquare.vision.background import Bytes
from townsquare.vision.detect import opened
from townsquare.vision.reader import fitting
from townsquare.vision.reading.opening import Way
from townsquare.vision.trouble import NoPictures
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Watched

DEMO = Path(__file__).parents[2] / "demo" / "square.mp4"
SIZE = (768, 576)
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
# Over the place where most people walk; below it, and along the blocks of 16 pixels in which
# codecs work, the second clip shows something else.
MASKS = (Mask(((150, 200), (470, 180), (500, 330), (300, 420), (140, 300))),)
BELOW = (slice(224, 304), slice(192, 448))


def pictures(count: int) -> list[Bytes]:
    with av.open(str(DEMO)) as clip:
        every = itertools.islice(clip.decode(video=0), 0, 3 * count, 3)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in every]


def changed(whole: Bytes, n: int) -> Bytes:
    """Below the mask, upside down and flickering."""
    other = whole.copy()
    other[BELOW] = other[BELOW][::-1, ::-1] ^ np.uint8(n % 2 * 85)
    return other


def clip(
    path: Path,
    shown: Sequence[Bytes],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    **options: str,
) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=2, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = *shown[0].shape[:2], pixels
        for n, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = n, Fraction(1, 2)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def twins(folder: Path, count: int, ending: str, **how: str) -> list[Path]:
    """Two clips that differ below the mask alone, exactly: without loss, or block by block."""
    shown = pictures(count)
    other = [changed(picture, n) for n, picture in enumerate(shown)]
    return [
        clip(folder / f"{name}.{ending}", them, **how)
        for name, them in (("one", shown), ("other", other))
    ]


LOSSLESS = {"qp": "0", "preset": "ultrafast", "g": "8", "bf": "2"}
QUICK = {"qp": "0", "preset": "ultrafast"}


def planes(frame: av.VideoFrame) -> list[Bytes]:
    parts = (np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size) for p in frame.planes)
    return [part[:, : plane.width] for part, plane in zip(parts, frame.planes, strict=True)]


def same(first: read.Picture, second: read.Picture) -> bool:
    both = zip(planes(first.frame), planes(second.frame), strict=True)
    return all((one == other).all() for one, other in both)


def turned(path: Path) -> Path:
    """As a phone says that it was held on its side (ISO/IEC 14496-12, 8.3.2)."""
    content = path.read_bytes()
    at = content.index(b"tkhd") + 44
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:at] + matrix + content[at + 36 :])
    return path


def as_shown(path: Path) -> Path:
    return path


UPRIGHT = (Mask(tuple((SIZE[1] - y, x) for x, y in MASKS[0].corners)),)


@pytest.mark.parametrize(
    ("ending", "how", "way", "hold", "scale"),
    [
        ("mkv", LOSSLESS, Way(masks=MASKS), as_shown, 1),
        ("mkv", {"codec": "ffv1", "pixels": "yuv422p10le"}, Way(masks=MASKS), as_shown, 1),
        ("avi", {"codec": "mjpeg", "pixels": "yuvj420p"}, Way(masks=MASKS), as_shown, 1),
        ("mp4", LOSSLESS, Way(masks=UPRIGHT), turned, 1),
    ],
    ids=["H.264", "10 bits", "MJPEG", "upright"],
)
def test_two_clips_that_differ_below_a_mask_give_the_same_pictures(
    ending: str,
    how: dict[str, str],
    way: Way,
    hold: Callable[[Path], Path],
    scale: int,
    tmp_path: Path,
) -> None:
    one, other = (str(hold(path)) for path in twins(tmp_path, 4, ending, **how))
    bare = list(zip(read.pictures(one), read.pictures(other), strict=True))
    assert not any(same(a, b) for a, b in bare)
    burnt = list(zip(read.pictures(one, way=way), read.pictures(other, way=way), strict=True))
    assert len(burnt) == 4
    assert all(same(a, b) for a, b in burnt)
    assert {a.scale for a, _ in burnt} == {scale}


def test_pictures_that_are_decoded_to_less_are_burnt_as_well(tmp_path: Path) -> None:
    shown = [np.tile(picture, (3, 4, 1))[:1440, :2560] for picture in pictures(3)]
    other = [changed(picture, n) for n, picture in enumerate(shown)]
    how = {"codec": "mjpeg", "pixels": "yuvj420p"}
    one, two = (
        str(clip(tmp_path / f"{name}.avi", them, **how))
        for name, them in (("one", shown), ("other", other))
    )
    way = Way(per_s=5, masks=MASKS)
    burnt = list(zip(read.pictures(one, way=way), read.pictures(two, way=way), strict=True))
    assert {a.scale for a, _ in burnt} == {2}
    assert all(same(a, b) for a, b in burnt)
    bare = zip(
        read.pictures(one, way=Way(per_s=5)), read.pictures(two, way=Way(per_s=5)), strict=True
    )
    assert not any(same(a, b) for a, b in bare)


def test_what_the_decoder_goes_on_from_is_not_burnt(tmp_path: Path) -> None:
    """Else black would bleed into the pictures that follow, and what is below out of them."""
    (path, _) = twins(tmp_path, 16, "mkv", **LOSSLESS)
    outside = np.ones((SIZE[1], SIZE[0]), bool)
    outside[175:425, 135:505] = False
    burnt = read.pictures(str(path), way=Way(masks=MASKS))
    for was, now in zip(read.pictures(str(path)), burnt, strict=True):
        assert (planes(was.frame)[0][outside] == planes(now.frame)[0][outside]).all()


def test_what_is_detected_learnt_judged_and_shown_is_the_same_whatever_is_below(
    tmp_path: Path,
) -> None:
    paths = twins(tmp_path, 50, "mkv", **QUICK)
    detector = opened()
    ends = []
    for path in paths:
        camera = Watched("square", str(path), ("person",), (), ())
        watch, boxes, told = Watch(camera), [], []
        for picture in read.pictures(str(path), way=Way(masks=MASKS)):
            found = detector.detect(picture.frame)
            boxes.append((found.corners.tobytes(), found.scores.tobytes(), found.kinds.tobytes()))
            at = NOON + timedelta(seconds=picture.at_s)
            told.append(watch.see(picture, found, at, 2 * picture.at_s))
        assert watch.background is not None
        memory = watch.background.samples.tobytes()
        ends.append((boxes, told, memory, watch.preview(), watch.level, watch.quality))
    assert ends[0] == ends[1]
    preview = ends[0][3]
    assert preview is not None
    (frame,) = av.CodecContext.create("mjpeg", "r").decode(av.Packet(preview))
    shown = frame.to_ndarray(format="gray")
    assert shown[210:250, 200:340].max() < 12


# --- pictures of another size


def fate(camera: Watched) -> NoPictures:
    with pytest.raises(NoPictures) as caught:
        for _ in fitting(camera, read.pictures(camera.url, way=Way(masks=camera.masks))):
            pass
    return caught.value


CORNER = (Mask(((0, 0), (20, 0), (20, 20))),)


@pytest.mark.parametrize("sizes", [[(128, 96)], [(64, 48), (128, 96)], [(64, 48), (32, 24)]])
def test_of_another_size_than_masks_are_drawn_on_nothing_is_looked_at(
    sizes: list[tuple[int, int]], tmp_path: Path
) -> None:
    path = tmp_path / "a.m4v"
    path.write_bytes(b"".join(map(raw, sizes)))
    line = Line("west", (5, 22), (9, 22))
    camera = Watched("square", str(path), ("person",), (line,), (), masks=CORNER, drawn_on=(64, 48))
    error = fate(camera)
    assert (error.trouble, error.size) == ("outside", sizes[-1])
    wide, high = sizes[-1]
    assert f"drawn on 64 x 48 pixels, but the picture is {wide} x {high}" in str(error)
