"""Pictures as no camera should send them: each is counted on, or said to be wrong, and how."""

import itertools
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from tests import square
from tests.contract.test_reading import video
from townsquare.model.camera import Line, Zone
from townsquare.vision import ledger, read
from townsquare.vision.detect import opened
from townsquare.vision.inbox import Inbox
from townsquare.vision.observation import Health
from townsquare.vision.reader import fitting
from townsquare.vision.reading import decoding
from townsquare.vision.reading.opening import Way
from townsquare.vision.trouble import NoPictures
from townsquare.vision.wire import Watched

Size = tuple[int, int]


def clip(
    path: Path,
    codec: str = "mpeg4",
    size: Size = (64, 48),
    pixels: str = "yuv420p",
    stamps: Sequence[int] = range(20),
) -> Path:
    """A picture at each of these tenths of a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        for n, at in enumerate(stamps):
            shade = np.full((size[1], size[0]), 5 * n % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="gray").reformat(format=pixels)
            frame.pts, frame.time_base = at, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def raw(size: Size, pictures: int = 10) -> bytes:
    """MPEG-4 without a container: no time stamps, no rate."""
    encoder = av.CodecContext.create("mpeg4", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.framerate = Fraction(25)
    shades = (np.full((size[1], size[0]), 9 * n % 256, np.uint8) for n in range(pictures))
    grey = [av.VideoFrame.from_ndarray(shade, format="gray") for shade in shades]
    frames = [frame.reformat(format="yuv420p") for frame in grey]
    return b"".join(bytes(p) for frame in [*frames, None] for p in encoder.encode(frame))


def seen(path: Path) -> list[read.Picture]:
    return list(read.pictures(str(path)))


def fate(path: Path, lines: tuple[Line, ...] = (), zones: tuple[Zone, ...] = ()) -> NoPictures:
    """How it ends to read this file once, as a camera is read, but as fast as it can be."""
    watched = Watched("square", str(path), ("person",), lines, zones)
    with pytest.raises(NoPictures) as caught:
        for _ in fitting(watched, read.pictures(str(path), way=Way(per_s=5))):
            pass
    return caught.value


# --- size


@pytest.mark.parametrize("size", [(48, 64), (36, 640), (640, 36), (1, 1)])
def test_portrait_and_odd_sizes_are_read_and_looked_at(size: Size, tmp_path: Path) -> None:
    picture = seen(clip(tmp_path / "a.mkv", "ffv1", size, stamps=range(2)))[0]
    assert picture.size == size
    assert len(opened().detect(picture.frame)) == 0


def test_8k_is_read_and_more_is_refused_with_its_size(tmp_path: Path) -> None:
    eight = clip(tmp_path / "8k.avi", "mjpeg", (7680, 4320), "yuvj420p", [0])
    assert [picture.size for picture in seen(eight)] == [(7680, 4320)]
    more = clip(tmp_path / "more.avi", "mjpeg", (7696, 4320), "yuvj420p", [0])
    error = fate(more)
    assert error.trouble == "tooLarge"
    assert "7696 x 4320" in str(error)


def test_another_size_in_mid_stream_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.m4v"
    path.write_bytes(raw((64, 48)) + raw((128, 96)))
    pictures = seen(path)
    assert [picture.first for picture in pictures] == ([True] + [False] * 9) * 2
    assert [p.size for p in pictures] == [(64, 48)] * 10 + [(128, 96)] * 10
    assert all(a.at_s < b.at_s for a, b in itertools.pairwise(pictures))


def test_a_line_that_no_longer_fits_is_told_with_the_size_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.m4v"
    path.write_bytes(raw((128, 96)) + raw((64, 48)))
    error = fate(path, (Line("west", (100, 0), (100, 90)),))
    assert (error.trouble, error.size) == ("outside", (64, 48))
    assert "line 'west' lies outside the picture: 100, 0" in str(error)
    told = Health(
        *("square", 0, 0, 0, "unknown", "none", 0, datetime.now(UTC)),
        trouble=error.trouble,
        size=error.size,
    )
    book = ledger.opened(square.SQUARE, told.since, {})
    book.read(told, told.since, told.since)
    assert book.status == "failing"
    assert book.trouble == (
        "a line, zone or mask does not fit the picture of square.mp4; draw it on the picture as it"
        " is now, 64 x 48 pixels"
    )


def test_a_zone_outside_the_picture_is_refused_too(tmp_path: Path) -> None:
    error = fate(video(tmp_path / "a.mp4"), zones=(Zone("all", ((0, 0), (64, 0), (64, 49))),))
    assert (error.trouble, error.size) == ("outside", (64, 48))


@pytest.mark.parametrize(
    ("turn", "size", "corner"),
    [
        ((1, 0, 0, 1), (64, 48), (0, 0)),
        ((0, 1, -1, 0), (48, 64), (0, 1)),
        ((-1, 0, 0, -1), (64, 48), (1, 1)),
        ((0, -1, 1, 0), (48, 64), (1, 0)),
    ],
)
def test_a_clip_of_a_phone_stands_upright(
    turn: tuple[int, int, int, int], size: Size, corner: tuple[int, int], tmp_path: Path
) -> None:
    """A white mark at the top left, and in the file how the phone was held."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        shade = np.zeros((48, 64), np.uint8)
        shade[:16, :16] = 255
        frame = av.VideoFrame.from_ndarray(shade, format="gray").reformat(format="yuv420p")
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    content = path.read_bytes()
    at = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the matrix of the track
    a, b, c, d = (n << 16 for n in turn)
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:at] + matrix + content[at + 36 :])
    (picture,) = seen(path)
    assert picture.size == size
    right_down = [(0, 0), (0, 1), (1, 0), (1, 1)]
    shown = picture.frame.to_ndarray(format="gray")
    marks = [shown[-4 if y else 3, -4 if x else 3] for y, x in right_down]
    assert right_down[int(np.argmax(marks))] == corner


# --- colour, rate and time


@pytest.mark.parametrize("pixels", ["gray", "gray10le", "yuv422p10le", "bgr0"])
def test_grey_and_other_kinds_of_pixels_are_looked_at(pixels: str, tmp_path: Path) -> None:
    picture = seen(clip(tmp_path / "a.mkv", "ffv1", pixels=pixels, stamps=[0, 1]))[0]
    assert len(opened().detect(picture.frame)) == 0


def test_at_a_variable_rate_each_picture_has_its_own_time(tmp_path: Path) -> None:
    stamps = [0, 1, 2, 5, 6, 20, 21, 22, 40]
    pictures = seen(clip(tmp_path / "a.mkv", stamps=stamps))
    assert [round(p.at_s, 3) for p in pictures] == [at / 10 for at in stamps]
    wanted = [p.at_s for p, kept in read.thinned(iter(pictures), read.Pace(2)) if kept]
    assert [round(at, 1) for at in wanted] == [0, 0.5, 2.0, 4.0]


@pytest.mark.parametrize("ending", ["m4v", "h264"])
def test_pictures_without_a_rate_go_on_at_the_usual_one(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    if ending == "m4v":
        path.write_bytes(raw((64, 48)))
    else:
        demo = Path(__file__).parents[2] / "demo" / "square.mp4"
        with av.open(str(demo)) as source, av.open(str(path), "w", format="h264") as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for packet in itertools.islice(source.demux(video=0), 10):
                packet.stream = stream
                out.mux(packet)
    pictures = seen(path)
    assert len(pictures) >= 9
    steps = [b.at_s - a.at_s for a, b in itertools.pairwise(pictures)]
    assert all(0.005 < step < 0.2 for step in steps)


def test_a_rate_of_ten_thousand_a_second_is_not_believed(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    content = bytearray(path.read_bytes())
    at = content.index(b"stts") + 16  # ISO/IEC 14496-12, 8.6.1.2: how long each picture stands
    content[at : at + 4] = struct.pack(">I", 1)
    path.write_bytes(content)
    pictures = seen(path)
    assert len(pictures) == 20
    steps = [b.at_s - a.at_s for a, b in itertools.pairwise(pictures)]
    assert all(0.01 < step < 0.2 for step in steps)


# --- damage


def damaged(content: bytes, every: int) -> bytes:
    """A byte in so many is another one; the first picture is left whole."""
    found = bytearray(content)
    for at in range(len(found) // 4, len(found), every):
        found[at] ^= 0x5A
    return bytes(found)


def test_damaged_pictures_are_not_shown_and_are_counted_as_lost(tmp_path: Path) -> None:
    demo = (Path(__file__).parents[2] / "demo" / "square.mp4").read_bytes()
    path = tmp_path / "a.mp4"
    end = 400_000
    path.write_bytes(demo[: end // 2] + damaged(demo[end // 2 : end], 5_000))
    shown: list[read.Picture] = []
    with pytest.raises(NoPictures) as caught:
        shown.extend(read.pictures(str(path)))
    assert caught.value.trouble == "cutOff"
    lost = sum(picture.lost for picture in shown)
    assert lost > 5
    assert len(shown) > 50
    assert not any(picture.frame.is_corrupt for picture in shown)


def test_lost_pictures_are_told_as_dropped() -> None:
    inbox = Inbox()
    inbox.read("square", 3)
    inbox.read("square")
    assert (inbox.tally("square").read, inbox.tally("square").dropped) == (2, 0)
    inbox.read("square", 3)
    assert inbox.tally("square").dropped == 3


def test_nothing_but_damage_is_told_as_such(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", "mjpeg", pixels="yuvj420p", stamps=range(150))
    content = bytearray(path.read_bytes())
    at, n = -1, 0
    while (at := content.find(b"\xff\xd8", at + 1)) >= 0:
        n += 1
        if n > 3:
            content[at : at + 600] = bytes(600)
    path.write_bytes(content)
    assert fate(path).trouble == "garbled"


# --- only what is needed


@pytest.mark.parametrize(
    ("rate", "wanted", "skips"),
    [(25, 5, True), (20, 5, True), (10, 5, False), (25, 10, False), (0, 5, False), (25, 0, False)],
)
def test_pictures_that_no_other_needs_are_skipped_where_enough_are_left(
    rate: float, wanted: float, skips: bool
) -> None:
    assert decoding.leaves_room(rate, wanted) is skips


@pytest.mark.parametrize(
    ("codec", "size", "halvings"),
    [
        ("mjpeg", (1920, 1080), 0),
        ("mjpeg", (2560, 1440), 1),
        ("mpeg4", (3840, 2160), 1),
        ("mjpeg", (5120, 2880), 2),
        ("mjpeg", (1440, 2560), 1),
        ("mjpeg", (2562, 1442), 1),
        ("mjpeg", (2561, 1441), 0),
        ("mjpeg", (5122, 2882), 1),
        ("h264", (3840, 2160), 0),
    ],
)
def test_a_large_picture_is_decoded_smaller_where_enough_is_left(
    codec: str, size: Size, halvings: int
) -> None:
    assert decoding.halved(codec, size) == halvings


def test_what_is_decoded_smaller_keeps_the_pixels_of_the_camera(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.avi", "mjpeg", (2560, 1440), "yuvj420p", [0, 1])
    picture = next(read.pictures(str(path), way=Way(per_s=5)))
    assert (picture.frame.width, picture.frame.height) == (1280, 720)
    assert picture.size == (2560, 1440)
    assert picture.decoder == "software"
