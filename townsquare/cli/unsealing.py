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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
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

README = Path(__file__).with_name("export.txt")


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


def export(key: Key, opening: str, folder: Path) -> Export:
    """Raises Conflict, Denied or Invalid with what to do."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; give a new folder")
    path = f"/custody/openings/{quote(opening, safe=':')}"
    try:
        told = custodian.ask(key, f"{path}/footage")
        listed = checked(key, told)
        (folder / "pieces").mkdir(parents=True, exist_ok=True)
        return _written(key, path, told, listed, folder)
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


def _written(key: Key, path: str, told: Any, listed: dict[str, set[str]], folder: Path) -> Export:
    lost, pieces, releases = list[str](), list[Path](), _releases(told)
    with (folder / "segments.jsonl").open("wb") as lines:
        for each in told["segments"]:
            try:
                custodian.require_segment(each, told, listed)
                one = unsealed(key, path, told, each, releases)
            except (FalseShare, NotOpened, Invalid, Wrong) as error:
                lost.append(f"{each['file']}: {error}")
                continue
            piece = folder / "pieces" / f"{each['file'].removesuffix('.seal')}.{_form(one)}"
            piece.write_bytes(one.content)
            lines.write(_line(each, one, piece))
            pieces.append(piece)
    _prove(told, lost, folder)
    try:
        joined(pieces, folder / "footage.mp4")
    except Invalid as error:
        (folder / "footage.mp4").unlink(missing_ok=True)
        lost.append(f"footage.mp4: {error}; the pieces are there")
    else:
        lost += _marked(key, path, told, folder)
    return Export(folder, len(pieces), len(told["gaps"]), lost)


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
    digests = [each["digest"] for each in told["segments"]]
    known = {one["key"] for terms in told["terms"].values() for one in terms["custodians"]}
    keys = [custodian_key(text) for text in sorted(known)]
    found = [msgspec.convert(raw, Release) for raw in told["releases"]]
    for one in found:
        signer = next(
            (k for k in keys if k.signed(release.said(one), b64decode(one.signature))), None
        )
        if signer is None:
            raise Invalid(f"what came as released by {one.custodian!r} is signed by no custodian")
        release.require(one, signer, digests)
    return found


def _shares(
    told: Any, each: Any, header: Header, own: OpeningKey, releases: Sequence[Release]
) -> Iterator[tuple[int, bytes]]:
    """By their numbers. Raises Invalid, which names the custodian of a false one."""
    names = [custodian_key(o["key"]) for o in told["terms"][header.terms]["custodians"]]
    by_name: Mapping[str, CustodianKey] = {one.name: one for one in names}
    for one in releases:
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
