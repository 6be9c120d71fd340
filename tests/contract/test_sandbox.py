"""What a worker can no longer do, tried by real processes on this kernel."""

import asyncio
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from townsquare.model.errors import Unavailable
from townsquare.vision import cards
from townsquare.vision.observation import Health
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "demo" / "square.mp4"
TRIED = """
import os, socket, sys
from pathlib import Path
from townsquare.vision.sandbox import confine
data = Path(sys.argv[1])
confined = confine([str(data / "clip.mp4")])
print(confined.level(), flush=True)
DEEDS = {
    "secret": lambda: (data / "secrets" / "control-token").read_text(),
    "secrets": lambda: os.listdir(data / "secrets"),
    "database": lambda: (data / "town.db").read_bytes(),
    "settings": lambda: (data / "townsquare.toml").read_text(),
    "environment of the house": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "write": lambda: (data / "written").write_text("x"),
    "run": lambda: os.execv("/bin/true", ["true"]),
    "signal": lambda: os.kill(os.getppid(), 0),
    "clip": lambda: (data / "clip.mp4").read_bytes(),
    "hosts": lambda: socket.getaddrinfo("localhost", 554),
    "resolver": lambda: Path("/etc/resolv.conf").read_bytes(),
    "libraries": lambda: __import__("townsquare.vision.detect").vision.detect.opened(),
}
for name, deed in DEEDS.items():
    try:
        deed()
        print("done:", name, flush=True)
    except PermissionError:
        print("refused:", name, flush=True)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name in ("secrets/control-token", "town.db", "townsquare.toml"):
        (tmp_path / name).write_text("of the house")
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    return tmp_path


def said_by(program: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", program, *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return said.splitlines()


def test_a_confined_process_reads_what_it_needs_and_nothing_of_the_house(data: Path) -> None:
    level, *tried = said_by(TRIED, str(data))
    if level == "none":
        pytest.skip("this kernel has no Landlock: the level is told as none")
    done = {line.removeprefix("done: ") for line in tried if line.startswith("done")}
    # Before Linux 6.12 signals are not refused.
    assert done - {"signal"} == {"clip", "hosts", "resolver", "libraries"}
    assert len(tried) == 12
    assert not (data / "written").exists()


LATE = """
import threading, time
from townsquare.vision.sandbox import confine
threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
print(confine().level())
"""


def test_a_process_that_has_threads_already_is_not_called_confined() -> None:
    assert said_by(LATE) == ["none"]


DEVICE = """
import fcntl, os, pty, sys, termios
from townsquare.vision.sandbox import confine
ours, theirs = pty.openpty()
name = os.ttyname(theirs)
print(confine(devices=[name] if sys.argv[1] == "named" else []).level(), flush=True)
for how in (os.O_RDONLY, os.O_RDWR):
    try:
        device = os.open(name, how | os.O_NOCTTY)
        fcntl.ioctl(device, termios.TIOCGWINSZ, bytes(8))
        print("done", flush=True)
    except PermissionError:
        print("refused", flush=True)
"""


@pytest.mark.parametrize(("named", "said"), [("named", "done"), ("not named", "refused")])
def test_only_a_device_that_was_named_can_be_used(named: str, said: str) -> None:
    """A terminal in the place of a graphics card: both are read, written and given orders."""
    level, *tried = said_by(DEVICE, named)
    if level == "none":
        pytest.skip("this kernel has no Landlock: the level is told as none")
    assert tried == [said, said]


def test_a_worker_reaches_a_card_only_where_the_card_has_something_to_do() -> None:
    looked_up, _ = cards.reached(decodes=True)
    assert "/proc/driver/nvidia" in looked_up
    if not cards.infers():
        assert cards.reached(decodes=False) == ([], [])


# --- real workers


async def health(house: Workers, url: str) -> AsyncIterator[Health]:
    async for seen in house.observed([Watched("square", url, ("person",), (), ())]):
        if isinstance(seen, Health):
            yield seen


def unconfined(pid: int) -> list[str]:
    """Threads that could still gain rights."""
    tasks = (Path("/proc") / str(pid) / "task").iterdir()
    return [task.name for task in tasks if "NoNewPrivs:\t1" not in (task / "status").read_text()]


async def test_partial_is_said_only_while_it_holds_for_every_thread() -> None:
    async with asyncio.timeout(60), Workers(Settings()) as house:
        seen = await anext(health(house, str(CLIP)))
        if seen.sandbox == "none":
            pytest.skip("this kernel has no Landlock: the level is told as none")
        (pid,) = house.pids()
        assert len(list((Path("/proc") / str(pid) / "task").iterdir())) > 4
        assert unconfined(pid) == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def stream() -> Iterator[str]:
    """By a name that has to be looked up."""
    serve = functools.partial(Quiet, directory=str(CLIP.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/{CLIP.name}"
        server.shutdown()
        thread.join()


async def test_a_worker_reaches_a_stream_by_its_name(stream: str) -> None:
    async with asyncio.timeout(60), Workers(Settings()) as house:
        seen = await anext(health(house, stream))
        assert (seen.trouble, seen.size) == ("", (768, 576))


async def test_a_clip_that_is_put_there_later_is_read_by_a_worker_that_begins_anew(
    tmp_path: Path,
) -> None:
    clip = tmp_path / "clip.mp4"
    async with asyncio.timeout(60), Workers(Settings()) as house:
        first = health(house, str(clip))
        assert (await anext(first)).trouble == "missing"
        await asyncio.to_thread(shutil.copy, CLIP, tmp_path / "copy")
        os.replace(tmp_path / "copy", clip)
        try:
            again = [seen.trouble async for seen in first]
        except Unavailable:
            again = [(await anext(health(house, str(clip)))).trouble]
        assert again[-1] == ""


BEFORE = """
import sys
from pathlib import Path

from townsquare.vision import cards, wire
from townsquare.vision.sandbox import confine
from townsquare.vision.sealed import recorded

print("numpy" in sys.modules, len([*Path("/proc/self/task").iterdir()]))
"""


def test_nothing_starts_a_thread_before_a_process_is_confined() -> None:
    """Threads that are there already keep all their rights: numpy starts some as it is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", BEFORE], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "1"]


ADDS = """
import sys
from pathlib import Path

from townsquare.vision.sandbox import confine

footage, keys = map(Path, sys.argv[1:])
confined = confine(added_to=[str(footage)])


def tried(act):
    try:
        act()
    except PermissionError:
        return "refused"
    return "done"


(footage / "square").mkdir()
(footage / "square" / ".new").write_bytes(b"sealed")
(footage / "square" / ".new").replace(footage / "square" / "new")
print(
    confined.level(),
    tried((footage / "old").read_bytes),
    tried((footage / "square" / "new").read_bytes),
    tried((keys / "hour").read_bytes),
    tried(lambda: (keys / "more").write_bytes(b"x")),
)
"""


def test_a_recorder_adds_footage_and_reads_none_and_no_key(tmp_path: Path) -> None:
    for name, file in (("sealed", "old"), ("hour-keys", "hour")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b"secret")
    folders = [str(tmp_path / name) for name in ("sealed", "hour-keys")]
    run = [sys.executable, "-c", ADDS, *folders]
    level, *found = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    if level == "none":
        pytest.skip("this kernel has no Landlock: the level is told as none")
    assert found == ["refused"] * 4
    assert (tmp_path / "sealed" / "square" / "new").read_bytes() == b"sealed"
