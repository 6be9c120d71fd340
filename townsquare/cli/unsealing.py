"""Opening footage at whoever asked for it: fetched, checked, put together again, and exported.

    FOLDER/footage.mp4      all of it, joined without encoding it anew
    FOLDER/pieces/…         each segment as the camera sent it
    FOLDER/segments.jsonl   its header, key and size, by which it is sealed again to verify it
    FOLDER/proof/…          the log's checkpoint, entries and lists
    FOLDER/opening.json     what was agreed to, gaps, and what could not be opened

Always holds: nothing is written that is not in the town's signed log; a share that is not the one
that was recorded names the custodian who gave it.
"""

import json
import shutil
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

from townsquare.cli import custodian, manifest
from townsquare.cli.custodian import Key, Wrong
from townsquare.model.errors import Conflict, Denied, Invalid
from townsquare.trust.seal import release, segment, sharing
from townsquare.trust.seal.keys import CustodianKey, NotOpened, OpeningKey, custodian_key
from townsquare.trust.seal.release import Release
from townsquare.trust.seal.segment import Header, Segment
from townsquare.trust.seal.sharing import QUORUM, FalseShare
from townsquare.vision.sealed.joining import joined

AT_ONCE = 4  # segments that are fetched and opened
README = Path(__file__).with_name("export.txt")


Say = Callable[[str], None]


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Unsealed:
    found: Segment
    key: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """`lost` says of segments that could not be opened why."""

    folder: Path
    segments: int
    gaps: int
    lost: Sequence[str]


def export(key: Key, opening: str, folder: Path, say: Say = _silent) -> Export:
    """`say` is told how far it is. Raises Conflict, Denied or Invalid with what to do."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; give a new folder")
    path = f"/custody/openings/{quote(opening, safe=':')}"
    try:
        told = custodian.ask(key, f"{path}/footage")
        listed = checked(key, told)
        (folder / "pieces").mkdir(parents=True, exist_ok=True)
        return _written(key, path, told, listed, folder, say)
    except Wrong as wrong:
        raise Denied(str(wrong)) from wrong


def checked(key: Key, told: Any) -> dict[str, set[str]]:
    """Digests by hour that are in the signed log. Raises Wrong, or Denied before it is released."""
    if len(told["releases"]) < QUORUM:
        raise Denied(
            f"{len(told['releases'])} of {QUORUM} custodians have released it; the others run"
            f" custodian.py release FILE {told['id']}"
        )
    top = custodian.head(told["checkpoint"], key.log)
    custodian.require_opening(told, top)
    hours = told["hours"].items()
    return {n: custodian.require_listed(h, told["camera"], n, top) for n, h in hours}


def _written(
    key: Key, path: str, told: Any, listed: dict[str, set[str]], folder: Path, say: Say
) -> Export:
    taking = _Taking(key, path, told, listed, _releases(told), folder)
    with ThreadPoolExecutor(AT_ONCE) as pool, (folder / "segments.jsonl").open("wb") as lines:
        pieces = list(taking.pieces(pool, lines))
    _prove(told, taking.lost, folder)
    say(f"{len(pieces)} segments opened in {folder / 'pieces'}; now they are joined")
    film = folder / "footage.mp4"
    try:
        joined(pieces, film)
    except Invalid as error:
        film.unlink(missing_ok=True)
        more = [f"footage.mp4: {error}; the pieces are there"]
    else:
        more = _marked(key, path, told, folder)
    return Export(folder, len(pieces), len(told["gaps"]), [*taking.lost, *more])


@dataclass(slots=True)
class _Taking:
    """Segments, fetched and opened beside each other. `lost` says why some could not be."""

    key: Key
    path: str
    told: Any
    listed: dict[str, set[str]]
    releases: Sequence[Release]
    folder: Path
    lost: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lost = [f"{one['file']}: {one['why']}" for one in self.told["damaged"]]

    def pieces(self, pool: Executor, lines: BinaryIO) -> Iterator[Path]:
        """In their order, a few of them ahead of who takes them."""
        waiting = iter(self.told["segments"])
        ahead = deque((one, pool.submit(self._piece, one)) for one in islice(waiting, 2 * AT_ONCE))
        while ahead:
            each, taken = ahead.popleft()
            ahead.extend((one, pool.submit(self._piece, one)) for one in islice(waiting, 1))
            try:
                piece, line = taken.result()
            except (FalseShare, NotOpened, Invalid, Wrong) as error:
                self.lost.append(f"{each['file']}: {error}")
                continue
            lines.write(line)
            yield piece

    def _piece(self, each: Any) -> tuple[Path, bytes]:
        """Raises FalseShare, NotOpened, Invalid or Wrong."""
        custodian.require_segment(each, self.told, self.listed)
        one = unsealed(self.key, self.path, self.told, each, self.releases)
        name = f"{each['file'].removesuffix('.seal')}.{_form(one)}"
        piece = self.folder / "pieces" / name
        piece.write_bytes(one.content)
        return piece, _line(each, one, piece)


def _marked(key: Key, path: str, told: Any, folder: Path) -> list[str]:
    """Why the joined file has no manifest; nothing where it has."""
    try:
        chain = custodian.ask_raw(key, f"{path}/certificates").decode()

        def sign(claimed: bytes) -> bytes:
            return custodian.ask_raw(key, f"{path}/manifest", claimed)

        thumbprint = custodian.key_of(told)
        manifest.marked(folder / "footage.mp4", told, thumbprint, chain, sign)
    except (Invalid, Wrong) as error:
        return [str(error)]
    return []


def unsealed(key: Key, path: str, told: Any, each: Any, releases: Sequence[Release]) -> Unsealed:
    """One segment. Raises FalseShare, NotOpened, Invalid or Wrong."""
    raw = custodian.ask_raw(key, f"{path}/footage/{each['hour']}/{each['file']}")
    found = segment.decoded(raw)
    if found.digest != each["digest"]:  # reckoned over megabytes: once
        raise Invalid("it is not the segment that the log has")
    header, own = found.header, OpeningKey(key.sealing)
    shares = dict(_shares(told, each, header, own, releases))
    content_key = sharing.combine(shares, header.commitments)
    return Unsealed(found, content_key, segment.opened(found, content_key))


def _releases(told: Any) -> list[Release]:
    """As they are signed. Raises Invalid."""
    known = {one["key"] for terms in told["terms"].values() for one in terms["custodians"]}
    keys = [custodian_key(text) for text in sorted(known)]
    found = [msgspec.convert(raw, Release) for raw in told["releases"]]
    for one in found:
        signer = next(
            (k for k in keys if k.signed(release.said(one), b64decode(one.signature))), None
        )
        if signer is None:
            raise Invalid(f"what came as released by {one.custodian!r} is signed by no custodian")
        release.require_signed(one, signer)
    return found


def _shares(
    told: Any, each: Any, header: Header, own: OpeningKey, releases: Sequence[Release]
) -> Iterator[tuple[int, bytes]]:
    """By their numbers. Raises Invalid, which names the custodian of a false one."""
    names = [custodian_key(o["key"]) for o in told["terms"][header.terms]["custodians"]]
    by_name: Mapping[str, CustodianKey] = {one.name: one for one in names}
    for one in releases:
        if each["digest"] not in one.shares:
            continue  # it was damaged when they released it
        if one.custodian in each["handed"]:
            index = int(each["handed"][one.custodian]) + 1
        elif one.custodian in by_name:
            index = names.index(by_name[one.custodian]) + 1
        else:
            raise Invalid(f"{one.custodian!r} was no custodian when this was recorded")
        committed = header.commitments[index - 1]
        try:
            yield index, release.share(one, each["digest"], index, committed, own)
        except FalseShare as error:
            raise Invalid(f"the custodian {one.custodian!r} released a false share") from error


def _form(one: Unsealed) -> str:
    container = one.found.header.container
    return container if container.isalnum() else "bin"


def _line(each: Any, one: Unsealed, piece: Path) -> bytes:
    told = {
        "piece": f"pieces/{piece.name}",
        "hour": each["hour"],
        "digest": each["digest"],
        "header": each["header"],
        "key": b64encode(one.key).decode(),
        "padded": len(one.found.ciphertext) - segment.TAG_BYTES,
    }
    return json.dumps(told).encode() + b"\n"


def _prove(told: Any, lost: Sequence[str], folder: Path) -> None:
    proof = folder / "proof"
    proof.mkdir()
    (proof / "checkpoint").write_text(told["checkpoint"], encoding="utf-8")
    (proof / "key").write_text(told["logKey"] + "\n", encoding="utf-8")
    (proof / "hours.json").write_text(json.dumps(told["hours"]))
    (proof / "entries.json").write_text(json.dumps(told["entries"]))
    kept = ("id", "camera", "since", "until", "purpose", "case", "organisation", "approvedBy")
    agreed = {name: told[name] for name in (*kept, "releasedBy", "emergency", "openedAt", "gaps")}
    agreed |= {"key": custodian.key_of(told), "notOpened": list(lost)}
    (folder / "opening.json").write_text(json.dumps(agreed, indent=2))
    shutil.copy(README, folder / "README.txt")
