"""Where sealed footage lies: DATA/sealed/CAMERA/HOUR, a file for each segment and a list of them.

Always holds: what is listed was durable before it was listed, and what is not whole is not listed.
The list stays as long as one of its segments does, since it proves that one by the root in the log.
"""

import hashlib
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from townsquare.model.camera import NAME
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust.seal import listing, segment
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.segment import Segment
from townsquare.vision.sealed.durable import write
from townsquare.vision.sealed.hour_keys import HOLD
from townsquare.vision.sealed.hours import FORM, HOUR, hours

FOLDER = "sealed"  # in the data folder
LIST = "list.jsonl"
SUFFIX = ".seal"
HANDED = "handed"  # beside a segment: its shares, once a custodian handed one on
FILE = re.compile(r"\d{1,12}-\d{6}\.seal")


def name_of(since: datetime) -> str:
    return f"{int(since.timestamp())}-{since.microsecond:06d}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Shelf:
    folder: Path

    # --- what is there

    def cameras(self) -> list[str]:
        return sorted(one.name for one in _folders(self.folder) if NAME.fullmatch(one.name))

    def hours(self, camera: str) -> list[str]:
        found = _folders(self._camera(camera))
        return sorted(one.name for one in found if FORM.fullmatch(one.name))

    def lines(self, camera: str, hour: str) -> list[Line]:
        """Empty where nothing is. Raises Invalid for a damaged list."""
        try:
            return listing.decoded((self.at(camera, hour) / LIST).read_bytes())
        except FileNotFoundError:
            return []

    def segment(self, camera: str, hour: str, file: str) -> Segment:
        """Raises NotFound, or Invalid for one that is not whole."""
        try:
            return segment.decoded(self.file(camera, hour, file).read_bytes())
        except FileNotFoundError as error:
            raise NotFound(f"{file} of camera {camera!r}, {hour}, was destroyed") from error

    def head(self, camera: str, hour: str, file: str) -> Segment:
        """Without its ciphertext. Raises NotFound or Invalid."""
        try:
            with self.file(camera, hour, file).open("rb") as content:
                return segment.head(content.read(segment.MOST_HEAD))
        except FileNotFoundError as error:
            raise NotFound(f"{file} of camera {camera!r}, {hour}, was destroyed") from error

    def summed(self, camera: str, hour: str, file: str) -> tuple[Segment, bytes]:
        """Without its ciphertext, and SHA-256 of that. Raises NotFound or Invalid."""
        found, path = self.head(camera, hour, file), self.file(camera, hour, file)
        try:
            stat = path.stat()
            return found, _sum(path, segment.bytes_before(found), stat.st_size, stat.st_mtime_ns)
        except FileNotFoundError as error:
            raise NotFound(f"{file} of camera {camera!r}, {hour}, was destroyed") from error

    def handed(self, camera: str, hour: str, file: str) -> bytes | None:
        """The envelope that took the place of its own."""
        beside = self.file(camera, hour, file).with_name(f"{file}.{HANDED}")
        return beside.read_bytes() if beside.exists() else None

    def covering(self, camera: str, since: datetime, until: datetime) -> list[tuple[str, Line]]:
        """Segments with something of this time, oldest first, by their hours."""
        return [
            (hour, line)
            for hour in hours(since - HOUR, until)
            for line in self.lines(camera, hour)
            if line.since < until and line.until > since
        ]

    def at(self, camera: str, hour: str) -> Path:
        if not FORM.fullmatch(hour):
            raise NotFound(f"{hour[:40]!r} is no hour such as 2026-11-23T09")
        return self._camera(camera) / hour

    def file(self, camera: str, hour: str, file: str) -> Path:
        if not FILE.fullmatch(file):
            raise NotFound(f"{file[:60]!r} is no segment")
        return self.at(camera, hour) / file

    def _camera(self, camera: str) -> Path:
        if not NAME.fullmatch(camera):
            raise NotFound(f"there is no camera {camera[:60]!r}")
        return self.folder / camera

    def count(self) -> int:
        """Segments that exist, of all cameras."""
        return sum(1 for _ in self.folder.glob(f"*/*/*{SUFFIX}"))

    def size(self, camera: str = "*", hour: str = "*") -> int:
        """Bytes of all segments, or of those of one camera's hour."""
        return sum(_size(file) for file in self.folder.glob(f"{camera}/{hour}/*{SUFFIX}"))

    # --- holds

    def hold(self, camera: str, hour: str, file: str, hold: str, envelope: bytes) -> None:
        """Beside the segment: its shares, sealed to the key of this hold."""
        beside = self.file(camera, hour, file).with_name(f"{file}.{hold}")
        unfinished = beside.with_name(f".{beside.name}")
        write(unfinished, envelope)
        unfinished.replace(beside)

    def held(self, camera: str, hour: str, file: str) -> dict[str, bytes]:
        """Envelopes by the holds that they are for."""
        beside = self.file(camera, hour, file).parent.glob(f"{file}.{HOLD}*")
        return {one.name.removeprefix(f"{file}."): one.read_bytes() for one in beside}

    def release(self, camera: str, hour: str, hold: str) -> None:
        for one in self.at(camera, hour).glob(f"*.{hold}"):
            one.unlink(missing_ok=True)

    # --- the end

    def remove(self, camera: str, hour: str, but: Set[str] = frozenset()) -> int:
        """All of this hour but segments that these holds are on, and the list that proves them. How
        many segments are left.
        """
        there = self.at(camera, hour)
        names = {one.name for one in there.iterdir()} if there.exists() else set()
        left = {name.rpartition(".")[0] for name in names if name.rpartition(".")[2] in but}
        for name in names:
            if not left or (name != LIST and not left & _of(name)):
                (there / name).unlink(missing_ok=True)
        if not left and there.exists():
            there.rmdir()
        return len(left)

    # --- after a restart

    def mend(self, camera: str, hour: str) -> list[str]:
        """What is whole and not listed is listed, what is not whole is removed: the names of these.

        Nobody may be recording this hour of this camera meanwhile.
        """
        there, removed = self.at(camera, hour), list[str]()
        for unfinished in there.glob(".*"):
            unfinished.unlink(missing_ok=True)
        listed = self._mended(there)
        known = {line.file for line in listed}
        for file in sorted(there.glob(f"*{SUFFIX}")):
            if file.name in known:
                continue
            try:
                append(there, line_of(segment.decoded(file.read_bytes()), file.name))
            except Invalid:
                file.unlink(missing_ok=True)
                removed.append(file.name)
        return removed

    def _mended(self, there: Path) -> list[Line]:
        """The whole lines; what a power cut left of the last one is taken away. A list that is
        damaged elsewhere is made anew, since each segment says what its line is.
        """
        try:
            raw = (there / LIST).read_bytes()
        except FileNotFoundError:
            return []
        whole = raw[: raw.rfind(b"\n") + 1]
        try:
            lines = listing.decoded(whole)
        except Invalid:
            whole, lines = b"", []
        if whole != raw:
            write(there / LIST, whole)
        return lines


def line_of(found: Segment, file: str) -> Line:
    header = found.header
    return Line(found.digest, header.since, header.until, file)


def append(there: Path, line: Line) -> None:
    with (there / LIST).open("ab") as out:
        out.write(listing.encoded(line))


def _of(name: str) -> Set[str]:
    """The segment that a file is, or is beside."""
    stem, dot, _ = name.partition(SUFFIX)
    return {stem + dot}


def _folders(folder: Path) -> Iterator[Path]:
    return (one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else iter(())


@lru_cache(maxsize=20_000)  # custodians and who asked want the same, each for themselves
def _sum(file: Path, begin: int, size: int, changed_ns: int) -> bytes:
    with file.open("rb") as content:
        content.seek(begin)
        return hashlib.file_digest(content, "sha256").digest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # removed meanwhile
