"""Checks an export of a town's footage without the town: each piece against the public log.

    python footage_verifier.py FOLDER 'square.example.org/log+0f1e2d3c+AQ…' 'paper.example/w+…' …

The keys of log and witnesses must come from somebody you trust. Needs Python 3.11, the package
`cryptography`, and `verifier.py` beside it; no network and none of what wrote the export.

Always holds: each piece that is not said to be wrong was sealed again, byte by byte, and is in the
list whose root the log has; `Wrong` names the first that is not.
"""

import hashlib
import json
import re
import sys
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

try:
    from townsquare.cli import verifier
except ImportError:
    import verifier  # type: ignore[no-redef, import-not-found]  # the file beside this one, at an auditor's

Wrong = verifier.Wrong
ROOT = re.compile(r"(?:^|, )listRoot=([0-9a-f]{64})(?:, |$)")
LENGTH = 8


def record(told: Any, top: verifier.Head) -> Any:
    """Of an entry that is in the tree that was signed. Raises Wrong."""
    raw = told["record"].encode()
    salt, commitment, *proof = map(b64decode, (told["salt"], told["commitment"], *told["proof"]))
    verifier.require_included(verifier.Entry(told["index"], salt, raw, commitment, proof), top)
    return json.loads(raw)


def listed(name: str, hour: Any, camera: str, top: verifier.Head) -> set[str]:
    """Digests of an hour's segments, whose list is in the log. Raises Wrong."""
    if "entry" not in hour:
        raise Wrong(f"no entry of the log stands for {name}")
    said = record(hour["entry"], top)
    rows = [f"{one['digest']} {one['since']} {one['until']}".encode() for one in hour["lines"]]
    found, root = ROOT.search(said["detail"]), verifier.apex([leaf(row) for row in rows])
    if said["subject"] != f"urn:ngsi-ld:SealedFootage:{camera}:{name}":
        raise Wrong(f"the entry for {name} is of {said['subject']}")
    if not found or not root or root[0].hex() != found[1]:
        raise Wrong(f"the list of {name} is not the one in the log")
    return {one["digest"] for one in hour["lines"]}


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def require_piece(line: Any, folder: Path, opening: Any, hours: dict[str, set[str]]) -> None:
    """That sealing it again gives what the log stands for. Raises Wrong."""
    name, raw = line["piece"], b64decode(line["header"])
    header, content = json.loads(raw), (folder / name).read_bytes()
    if len(content) + LENGTH > line["padded"]:
        raise Wrong(f"{name} is longer than what was sealed")
    padded = len(content).to_bytes(LENGTH, "big") + content
    padded += bytes(line["padded"] - len(padded))
    sealed = AESGCM(b64decode(line["key"])).encrypt(b64decode(header["nonce"]), padded, raw)
    sums = hashlib.sha256(raw).digest() + hashlib.sha256(sealed).digest()
    digest = hashlib.sha256(sums).hexdigest()
    if digest != line["digest"] or digest not in hours.get(line["hour"], set()):
        raise Wrong(f"{name} is not what was sealed")
    since, until = map(datetime.fromisoformat, (opening["since"], opening["until"]))
    began, ended = map(datetime.fromisoformat, (header["since"], header["until"]))
    if header["camera"] != opening["camera"] or began >= until or ended <= since:
        raise Wrong(f"{name} is not of the camera and the time of the opening")


def require_opening(entries: Any, opening: Any, top: verifier.Head) -> None:
    """That the opening is in the log. Raises Wrong."""
    for told in entries:
        said = record(told, top)
        if said["subject"] == opening["id"] and said["case"] == opening["case"]:
            return
    raise Wrong(f"the opening {opening['id']} is not in the log")


def verify(folder: Path, log: str, *witnesses: str) -> str:
    """What was found. Raises Wrong."""
    proof = folder / "proof"
    top = verifier.head(
        (proof / "checkpoint").read_bytes(), log, witnesses, (len(witnesses) + 1) // 2
    )
    opening = json.loads((folder / "opening.json").read_bytes())
    require_opening(json.loads((proof / "entries.json").read_bytes()), opening, top)
    told = json.loads((proof / "hours.json").read_bytes())
    hours = {name: listed(name, hour, opening["camera"], top) for name, hour in told.items()}
    lines = (folder / "segments.jsonl").read_bytes().splitlines()
    for line in map(json.loads, lines):
        require_piece(line, folder, opening, hours)
    more = {file.name for file in (folder / "pieces").iterdir()}
    if extra := more - {Path(json.loads(line)["piece"]).name for line in lines}:
        raise Wrong(f"pieces/{min(extra)} belongs to nothing")
    return (
        f"{len(lines)} pieces of camera {opening['camera']} are as they were sealed, and in the log"
        f" of {top.size} entries. Opening {opening['id']}, case {opening['case']}, agreed to by"
        f" {', '.join(opening['approvedBy'])}. Gaps: {len(opening['gaps'])}, not opened:"
        f" {len(opening['notOpened'])}. Cosigned: {top.witnessed}"
    )


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        print(verify(Path(sys.argv[1]), *sys.argv[2:]))
    except (Wrong, KeyError, ValueError, OSError) as wrong:
        sys.exit(f"wrong: {wrong}")
