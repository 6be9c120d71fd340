"""What a camera's url may open: RTSP by either way, by whose clock, and nothing else."""

import http.server
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests import rtsp, square
from tests.contract.test_reading import Quiet, video
from townsquare.model.camera import Transport
from townsquare.model.errors import Invalid
from townsquare.vision import read, wire
from townsquare.vision.inbox import Inbox
from townsquare.vision.reader import one_try
from townsquare.vision.reading import opening
from townsquare.vision.reading.opening import Way, transport
from townsquare.vision.trouble import NoPictures
from townsquare.vision.wire import Watched

# --- RTSP


@pytest.mark.parametrize("way", ["tcp", "udp"])
def test_a_camera_is_read_by_the_way_that_is_set_and_not_heard(way: Transport) -> None:
    with rtsp.serving(rtsp.Camera()) as camera:
        seen = list(itertools.islice(read.pictures(camera.url, way=Way(way)), 10))
    assert len(seen) == 10
    assert camera.asked == [(way, "video")]  # its sound is not asked for


def test_what_fails_twice_over_udp_is_tried_twice_over_tcp() -> None:
    assert [transport("udp", n) for n in range(6)] == ["udp", "udp", "tcp", "tcp", "udp", "udp"]
    assert {transport("tcp", n) for n in range(6)} == {"tcp"}


def test_a_camera_that_sends_by_tcp_alone_is_read_at_the_third_try() -> None:
    with rtsp.serving(rtsp.Camera(frozenset({"tcp"}), pictures=20)) as camera:
        watched, inbox = Watched("square", camera.url, (), (), (), "udp"), Inbox()
        for failures in range(2):
            error = one_try(watched, Way(transport("udp", failures), 5), read.Pace(5), inbox)
            assert error.trouble == "noAnswer"
        pictures = read.pictures(camera.url, way=Way(transport("udp", 2)))
        assert next(pictures).size == (64, 48)
    assert [way for way, _ in camera.asked] == ["udp", "udp", "tcp"]


@pytest.mark.parametrize("way", ["tcp", "udp"])
def test_a_camera_that_stops_sending_is_noticed(
    way: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE_S", 0.6)
    seen: list[read.Picture] = []
    with rtsp.serving(rtsp.Camera(pictures=15)) as camera:
        with pytest.raises(NoPictures) as caught:
            seen.extend(read.pictures(camera.url, way=Way(way)))
        assert caught.value.trouble == "stopped"
    assert len(seen) >= 10


@pytest.mark.parametrize(
    ("late_s", "clock"), [(3.0, "stream"), (-1.0, "stream"), (None, "arrival"), (300.0, "arrival")]
)
def test_the_clock_of_a_camera_counts_where_it_can_be_right(
    late_s: float | None, clock: str
) -> None:
    with rtsp.serving(rtsp.Camera(late_s=late_s)) as camera:
        for picture in itertools.islice(read.pictures(camera.url), 5, 15):
            assert picture.clock == clock
            assert (picture.taken is not None) == (clock == "stream")
            if picture.taken and late_s:
                late = datetime.now(UTC) - picture.taken
                assert abs(late - timedelta(seconds=late_s)) < timedelta(seconds=0.5)


# --- nothing but what it names


@contextmanager
def canary() -> Iterator[tuple[int, list[str]]]:
    """A port, and who came there."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    server.accept()[0].close()
                    came.append("somebody")
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            over.set()
            thread.join()


def playlist(piece: str) -> str:
    return (
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{piece}\n#EXT-X-ENDLIST\n"
    )


HOSTILE = [
    "file:///etc/passwd",
    "file://{clip}",
    "{clip}",
    "concat:{clip}",
    "subfile,,start,0,end,0,,:{clip}",
    "tcp://127.0.0.1:{port}",
    "udp://127.0.0.1:{port}",
    "ftp://127.0.0.1:{port}/a.ts",
    "gopher://127.0.0.1:{port}/a.ts",
    "rtmp://127.0.0.1:{port}/a",
    "async:tcp://127.0.0.1:{port}",
    "data:video/mp2t;base64,AAAA",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_list_of_pieces_that_names_a_file_or_another_protocol_is_refused(
    piece: str, tmp_path: Path
) -> None:
    clip = video(tmp_path / "clip.ts").rename(tmp_path / "elsewhere.ts")
    (tmp_path / "www").mkdir()
    with canary() as (port, came):
        hostile = playlist(piece.format(clip=clip, port=port))
        (tmp_path / "www" / "live.m3u8").write_text(hostile)
        serve = partial(Quiet, directory=str(tmp_path / "www"))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                with pytest.raises(NoPictures) as caught:
                    next(read.pictures(f"http://127.0.0.1:{server.server_port}/live.m3u8"))
            finally:
                server.shutdown()
                thread.join()
    assert caught.value.trouble == "notVideo"
    assert came == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(
            ("clip.m3u8", playlist(piece))
            for piece in ("file://{clip}", "http://127.0.0.1:{port}/a.ts")
        ),
        ("clip.mp4", playlist("http://127.0.0.1:{port}/a.ts")),
        ("clip.txt", "ffconcat version 1.0\nfile '{clip}'\n"),
        ("clip.mp4", "ffconcat version 1.0\nfile 'tcp://127.0.0.1:{port}'\n"),
        (
            "clip.sdp",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        ),
        ("clip.mpd", '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>'),
    ],
)
def test_a_file_that_names_other_places_is_refused(name: str, content: str, tmp_path: Path) -> None:
    clip = video(tmp_path / "elsewhere.ts")
    with canary() as (port, came):
        file = tmp_path / name
        file.write_text(content.format(clip=clip, port=port))
        with pytest.raises(NoPictures) as caught:
            next(read.pictures(str(file)))
    assert caught.value.trouble == "notVideo"
    assert came == []


@pytest.mark.parametrize(
    "url", ["concat:{clip}", "subfile,,start,0,end,0,,:{clip}", "cache:{clip}"]
)
def test_a_file_is_opened_by_no_other_protocol(url: str, tmp_path: Path) -> None:
    clip = video(tmp_path / "clip.ts")
    with pytest.raises(NoPictures):
        next(read.pictures(url.format(clip=clip)))


def test_rtsp_leads_to_no_file_and_no_web() -> None:
    allowed = opening.options("rtsp://10.0.0.9/live", Way())["protocol_whitelist"].split(",")
    assert set(allowed) == {"rtsp", "rtp", "udp", "tcp", "tls"}


@pytest.mark.parametrize("scheme", ["file", "ftp", "concat", "tcp", "RTSP+x"])
def test_a_camera_with_another_kind_of_url_is_refused_when_settings_are_read(scheme: str) -> None:
    with pytest.raises(Invalid, match="is not read; its url takes a file or rtsp://"):
        replace(square.SQUARE, url=f"{scheme}://10.0.0.9/live")


# --- which stream


def test_a_smaller_stream_is_read_in_place_of_the_large_one() -> None:
    both = replace(
        square.SQUARE,
        url="rtsp://10.0.0.9/large",
        small_url="rtsp://10.0.0.9/small",
        login="secret:square",
        transport="udp",
    )
    watched = wire.watched(both, lambda name: "eve:hunter2", "UTC")
    assert watched.url == "rtsp://eve:hunter2@10.0.0.9/small"
    assert watched.transport == "udp"
    with pytest.raises(Invalid, match="carries a login"):
        replace(both, small_url="rtsp://eve:hunter2@10.0.0.9/small")
