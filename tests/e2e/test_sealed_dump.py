"""While a camera is recorded, nothing of its pictures is in the memory of the town's own process,
in its database or on its disk. The memory of recorders and of vision workers is another matter:
they see the camera (docs/trust.md says so).
"""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from tests import footage
from tests.e2e.town import CLIP, Town, eventually, settings

Open = Callable[..., Town]
PIECE = 48  # bytes of coded pictures, which come nowhere else
STARTS = {
    "a JPEG": re.compile(rb"\xff\xd8\xff[\xe0\xdb\xe1].{2}(JFIF|Exif|Lavc)", re.DOTALL),
    "H.264 by start codes": re.compile(rb"\x00\x00\x00\x01\x67[\x42\x4d\x64].{2}", re.DOTALL),
    "H.264 in MP4": re.compile(rb"avcC\x01[\x42\x4d\x64]", re.DOTALL),
}
BLOCK = 1 << 24

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/PID/mem")


def recording(folder: Path) -> tuple[Path, list[footage.Custodian]]:
    """Settings of a town that records one camera, and its custodians."""
    of = footage.custodians()
    (folder / "custodians").mkdir()
    rows = []
    for one in of:
        (folder / "custodians" / f"{one.name}.pub").write_text(f"{one.key}\n")
        organisation = json.dumps(footage.ORGANISATIONS[one.name])
        key = json.dumps(f"custodians/{one.name}.pub")
        rows.append(f"[[recording.custodian]]\norganisation = {organisation}\nkey = {key}\n")
    shutil.copyfile(CLIP, folder / "square.mp4")
    file = settings(folder, ("square", "square.mp4"), rules="")
    text = file.read_text().replace("[[camera.lines]]", "record = true\n\n[[camera.lines]]", 1)
    file.write_text(text + "\n" + "\n".join(rows))
    return file, of


def coded() -> list[bytes]:
    """Bytes out of the middle of many of the clip's pictures."""
    with av.open(str(CLIP), "r") as container:
        found = [bytes(packet) for packet in container.demux(video=0) if packet.size > 20 * PIECE]
    return [one[len(one) // 2 :][:PIECE] for one in found[::4]]


def found_in(content: bytes, pieces: list[bytes]) -> list[str]:
    found = [name for name, start in STARTS.items() if start.search(content)]
    return found + ["a coded picture" for piece in pieces if piece in content][:1]


def memory(pid: int) -> Iterator[bytes]:
    """All that it may write to. What it maps of files it reads from the package."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as whole:
        for line in maps:
            span, rights, *_ = line.split()
            if "r" not in rights or "w" not in rights:
                continue
            at, end = (int(part, 16) for part in span.split("-"))
            while at < end:
                try:
                    whole.seek(at)
                    yield whole.read(min(BLOCK, end - at))
                except (OSError, ValueError, OverflowError):
                    break
                at += BLOCK - PIECE


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file, file.read_bytes()


def test_no_picture_is_in_memory_database_or_on_disk(open_town: Open, tmp_path: Path) -> None:
    place, of = recording(tmp_path)
    town = open_town("run", "--settings", str(place))
    kept = footage.Town(town.data, of)

    def recorded() -> list[str]:
        return [hour for hour in kept.shelf.hours("square") if kept.shelf.lines("square", hour)]

    hours = eventually(recorded, 240)
    eventually(lambda: len(kept.shelf.lines("square", hours[0])) > 1 or len(recorded()) > 1, 240)
    pieces = coded()
    assert len(pieces) > 100
    assert town.server is not None
    try:
        dumped = [found_in(block, pieces) for block in memory(town.server.pid)]
    except PermissionError:
        pytest.skip("this machine lets nobody read the memory of a process")
    assert len(dumped) > 10
    assert [found for found in dumped if found] == []
    disk = {file.name: found for file, raw in files(town.data) if (found := found_in(raw, pieces))}
    assert disk == {}
    # The same search finds it all in what two custodians open.
    line = kept.shelf.lines("square", hours[0])[0]
    opened = kept.opened("square", line)
    assert set(found_in(opened, pieces)) == {"H.264 in MP4", "a coded picture"}
    with av.open(io.BytesIO(opened), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) > 50
