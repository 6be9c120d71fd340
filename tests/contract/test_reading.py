"""What a camera's url can turn out to be, with files made on the spot and a port nobody answers."""

import base64
import http.server
import itertools
import socket
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, get_args

import av
import numpy as np
import pytest

from townsquare.vision import address, read
from townsquare.vision.detect import opened
from townsquare.vision.reading import opening
from townsquare.vision.trouble import SENTENCES, NoPictures, Trouble, sentence


def video(path: Path, frames: int = 20, per_s: int = 10) -> Path:
    """Grey pictures that get brighter, MPEG-4 part 2."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=per_s)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(frames):
            grey = np.full((48, 64, 3), 5 * n, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 48000
        out.mux(stream.encode(silence))
        out.mux(stream.encode())
    return path


def test_a_file_gives_its_pictures_with_their_times(tmp_path: Path) -> None:
    seen = list(read.pictures(str(video(tmp_path / "a.mp4"))))
    assert [round(p.at_s, 3) for p in seen] == [n / 10 for n in range(20)]
    assert [p.first for p in seen] == [True] + [False] * 19


def test_a_file_is_played_at_real_time_and_begins_again_without_losing_the_pace(
    tmp_path: Path,
) -> None:
    now = 100.0

    def sleep(for_s: float) -> None:
        nonlocal now
        now += for_s

    shown = read.in_real_time(str(video(tmp_path / "a.mp4")), lambda: now, sleep)
    seen = [(picture, now) for picture in itertools.islice(shown, 50)]
    assert [round(at - 100, 3) for _, at in seen] == [n / 10 for n in range(50)]
    assert [n for n, (picture, _) in enumerate(seen) if picture.first] == [0, 20, 40]


def test_a_late_reader_goes_on_from_now_and_does_not_hurry(tmp_path: Path) -> None:
    now, slept = 0.0, 0.0

    def sleep(for_s: float) -> None:
        nonlocal now, slept
        now, slept = now + for_s, slept + for_s

    shown = read.in_real_time(str(video(tmp_path / "a.mp4")), lambda: now, sleep)
    next(shown)
    now += 60
    for _ in range(10):
        next(shown)
    assert slept == pytest.approx(0.9)


@pytest.mark.parametrize(("per_s", "wanted"), [(5, 10), (10, 20), (3, 6), (30, 20)])
def test_pictures_are_thinned_evenly(tmp_path: Path, per_s: float, wanted: int) -> None:
    shown = read.thinned(read.pictures(str(video(tmp_path / "a.mp4"))), read.Pace(per_s))
    assert sum(kept for _, kept in shown) == wanted


def test_the_rate_may_change_with_every_picture(tmp_path: Path) -> None:
    pace, kept_s = read.Pace(2), []
    for picture, kept in read.thinned(read.pictures(str(video(tmp_path / "a.mp4"))), pace):
        if kept:
            kept_s.append(picture.at_s)
        pace.per_s = 10 if picture.at_s > 0.95 else 2
    assert kept_s == pytest.approx([0, 0.5, 1.0, *(1.1 + n / 10 for n in range(9))])


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def whole(path: Path) -> Path:
    """The demo's clip has its index in front, so that a part of it can still be opened."""
    path.write_bytes((Path(__file__).parents[2] / "demo" / "square.mp4").read_bytes())
    return path


def text(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "trouble", "message"),
    [
        (lambda p: p, "missing", "does not exist; check the camera's url"),
        (lambda p: text(p, b""), "notVideo", "is empty, cut off or no video"),
        (lambda p: text(p, b"hello " * 999), "notVideo", "is empty, cut off or no video"),
        (lambda p: cut(video(p), 0.3), "notVideo", "is empty, cut off or no video"),
        (lambda p: cut(whole(p), 0.5), "cutOff", "it was cut off, copy it anew .* of 80 s"),
        (sound, "noVideo", "has no video in it"),
        (lambda p: p.parent, "unreadable", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_a_remedy(
    tmp_path: Path, make: Callable[[Path], Path], trouble: Trouble, message: str
) -> None:
    path = make(tmp_path / "clip.mp4")
    with pytest.raises(NoPictures, match=message) as caught:
        for _ in read.pictures(str(path)):
            pass
    assert caught.value.trouble == trouble


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_stream_that_nobody_sends_is_unavailable_and_its_login_is_not_told(scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NoPictures, match=f"{scheme}://{address}/x does not answer") as caught:
        next(read.pictures(f"{scheme}://eve:hunter2@{address}/x?token=hunter3"))
    assert "hunter" not in str(caught.value)


def test_a_stream_that_stops_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends half of a video and then nothing, but keeps the line open."""
    monkeypatch.setattr(opening, "PATIENCE_S", 0.5)
    content = (Path(__file__).parents[2] / "demo" / "square.mp4").read_bytes()[:200_000]
    enough = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n" + content)
                enough.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/square.mp4"
        seen: list[read.Picture] = []
        try:
            with pytest.raises(NoPictures, match="stopped sending"):
                seen.extend(read.pictures(url))
        finally:
            enough.set()
            thread.join()
    assert len(seen) > 10


def test_hls_is_played_at_real_time_although_it_comes_in_pieces(tmp_path: Path) -> None:
    in_pieces(whole(tmp_path / "square.mp4"), tmp_path / "live.m3u8")
    serve = partial(Quiet, directory=str(tmp_path))
    now = 0.0

    def sleep(for_s: float) -> None:
        nonlocal now
        now += for_s

    seen: list[float] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/live.m3u8"
        shown = read.in_real_time(url, lambda: now, sleep)
        try:
            with pytest.raises(NoPictures, match="ended; it is tried again"):
                seen.extend(now for _ in shown)
        finally:
            server.shutdown()
            thread.join()
    assert len(seen) > 100  # what the playlist still lists
    assert [round(at, 2) for at in seen] == [n / 10 for n in range(len(seen))]


def in_pieces(source: Path, target: Path) -> None:
    """H.264 as it is, cut at its key frames, of which there is one in 5 s."""
    with av.open(str(source)) as clip, av.open(str(target), "w", format="hls") as out:
        stream = out.add_stream_from_template(clip.streams.video[0])
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize(
    ("login", "url"),
    [
        ("eve:hunter2", "rtsp://eve:hunter2@10.0.0.9:554/live"),
        ("eve:p/w@x:y", "rtsp://eve:p%2Fw%40x%3Ay@10.0.0.9:554/live"),
        ("eve", "rtsp://eve@10.0.0.9:554/live"),
    ],
)
def test_a_login_is_put_into_the_url_and_never_shown(login: str, url: str) -> None:
    assert address.with_login("rtsp://10.0.0.9:554/live", login) == url
    assert address.without_login(url) == "rtsp://10.0.0.9:554/live"
    assert address.with_login("/clips/square.mp4", login) == "/clips/square.mp4"


class Locked(http.server.BaseHTTPRequestHandler):
    """Notes which login was sent, and lets nobody in."""

    logins: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.logins.add(base64.b64decode(sent).decode())
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_camera_gets_its_login_as_it_is_and_its_refusal_does_not_tell_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    login = "eve:k7/q9@x:100%"  # nothing that a path on this machine has too
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Locked) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/live"
        try:
            with pytest.raises(NoPictures, match="refuses the login") as caught:
                next(read.pictures(address.with_login(url, login)))
        finally:
            server.shutdown()
            thread.join()
    assert login in Locked.logins
    assert caught.value.trouble == "refused"
    written = "".join(traceback.format_exception(caught.value)) + "".join(capfd.readouterr())
    assert "k7/q9" not in written
    assert "k7%2Fq9" not in written


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://10.0.0.9:554/live?token=x", "its stream does not answer; it is tried again"),
        ("/srv/town/clips/square.mp4", "square.mp4 does not answer; it is tried again"),
    ],
)
def test_what_the_public_reads_names_no_address(url: str, said: str) -> None:
    assert sentence("noAnswer", url).startswith(said)


def test_every_trouble_has_its_sentence() -> None:
    assert set(SENTENCES) == set(get_args(Trouble))


def test_a_picture_without_objects_has_no_boxes(tmp_path: Path) -> None:
    picture = next(read.pictures(str(video(tmp_path / "a.mp4"))))
    assert len(opened().detect(picture.frame)) == 0
