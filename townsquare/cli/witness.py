"""A witness for transparency logs, by C2SP tlog-witness: one file that a newspaper can run.

    python witness.py paper.example/townsquare 'square.example.org/log+0f1e2d3c+AQ…'

It needs Python 3.11 and the package `cryptography`, and nothing else of Townsquare. The arguments
are the name of the witness and the verifier keys of the logs it watches; its own, which the towns
need, is printed at the start. It answers at 127.0.0.1:8401 and keeps the folder `witness`.

Always holds: what is cosigned contains all that was cosigned before. To compare with the latest
checkpoint and to put the new one on the disk is one step; the cosignature leaves after it.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MOST_BYTES = 65_536
OLD = re.compile(r"old (0|[1-9]\d{0,18})")
BODY = re.compile(r"([^\n]+)\n(0|[1-9]\d{0,18})\n([^\n]+)\n(?:[^\n]+\n)*")
LINE = re.compile(r"— (\S+) (\S+)")
TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class Refused(Exception):
    def __init__(self, status: int, why: str, type: str = TEXT) -> None:
        self.answer = (status, type, f"{why}\n")


class Asked(NamedTuple):
    old: int
    proof: list[bytes]
    text: str  # that is signed
    lines: str
    origin: str
    size: int
    root: bytes


def parsed(body: str) -> Asked:
    """Raises Refused."""
    head, _, note = body.partition("\n\n")
    first, *proof = head.split("\n")
    text, _, lines = note.rpartition("\n\n")
    old, found = OLD.fullmatch(first), BODY.fullmatch(f"{text}\n")
    if not old or not found or len(proof) > 63:
        raise Refused(400, "this is no add-checkpoint request")
    root, *hashes = map(unbase64, (found[3], *proof))
    if any(len(hash) != 32 for hash in (root, *hashes)):
        raise Refused(400, "a hash has not 32 bytes")
    if int(old[1]) > int(found[2]):
        raise Refused(400, "the old size is larger than the checkpoint's")
    return Asked(int(old[1]), hashes, f"{text}\n", lines, found[1], int(found[2]), root)


def verifier(text: str) -> tuple[tuple[str, str], Ed25519PublicKey]:
    """Name and id of a log, and its key. Raises ValueError."""
    name, id, key = text.split("+", 2)
    told = unbase64(key)
    if told[:1] != b"\x01" or hashlib.sha256(f"{name}\n".encode() + told).hexdigest()[:8] != id:
        raise ValueError(f"{text!r} is no verifier key of a log; copy all of it")
    return (name, id), Ed25519PublicKey.from_public_bytes(told[1:])


class Witness:
    def __init__(self, name: str, logs: list[str], state: Path) -> None:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a second one would be a fork
        self._logs, self._state, self._turn = dict(map(verifier, logs)), state, threading.Lock()
        key = state / "key"
        if not key.exists():
            keep(key, Ed25519PrivateKey.generate().private_bytes_raw().hex())
        self._private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key.read_text()))
        public = b"\x04" + self._private.public_key().public_bytes_raw()
        self._name, self._id = name, hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
        self.key = f"{name}+{self._id.hex()}+{base64.b64encode(public).decode()}"

    def close(self) -> None:
        os.close(self._held)

    def add(self, body: str) -> str:
        """The cosignature that an add-checkpoint request asks for. Raises Refused."""
        asked = parsed(body)
        signed = self._signed(asked)
        with self._turn:
            self._require_consistent(asked)
            cosignature = self._cosigned(asked.text)
            keep(self.file(asked.origin), f"{asked.text}\n{signed}{cosignature}")
        return cosignature

    def _signed(self, asked: Asked) -> str:
        """The line with the log's own signature. Raises Refused."""
        if asked.origin not in (name for name, _ in self._logs):
            raise Refused(404, "this log is not watched here")
        for name, told in LINE.findall(asked.lines):
            signature = unbase64(told)
            if name == asked.origin and (key := self._logs.get((name, signature[:4].hex()))):
                try:
                    key.verify(signature[4:], asked.text.encode())
                except InvalidSignature:
                    break
                return f"— {name} {told}\n"
        raise Refused(403, "there is no signature of the log that verifies")

    def _require_consistent(self, asked: Asked) -> None:
        """With what was cosigned last. Raises Refused."""
        file = self.file(asked.origin)
        last = file.read_text(encoding="utf-8").split("\n") if file.exists() else ["", "0", ""]
        if int(last[1]) != asked.old:
            raise Refused(409, last[1], SIZE)
        if asked.size == 0 and asked.root != hashlib.sha256().digest():
            raise Refused(422, "this is not the root of an empty tree")
        if not consistent(asked.old, asked.size, asked.proof, unbase64(last[2]), asked.root):
            raise Refused(422, "the checkpoint does not contain what was cosigned before")

    def _cosigned(self, text: str) -> str:
        now = int(time.time())
        signature = self._private.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        told = base64.b64encode(self._id + now.to_bytes(8, "big") + signature).decode()
        return f"— {self._name} {told}\n"

    def file(self, origin: str) -> Path:
        return self._state / hashlib.sha256(origin.encode()).hexdigest()


def consistent(old: int, new: int, proof: list[bytes], was: bytes, root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if old in (0, new):
        return not proof and (old == 0 or was == root)
    path = [was, *proof] if old & (old - 1) == 0 else proof
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = path[0]
    for hash in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node(hash, before), node(hash, after)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            after = node(after, hash)
        first, last = first >> 1, last >> 1
    return last == 0 and before == was and after == root


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def keep(file: Path, text: str) -> None:
    """Whole and on the disk when this returns, or not at all."""
    unfinished = file.with_suffix(".new")
    unfinished.touch(mode=0o600)
    with unfinished.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    class Visit(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != "/add-checkpoint" or not length.isdecimal() or int(length) > MOST_BYTES:
                self.close_connection = True
                return self.say(404, TEXT, "POST /add-checkpoint, at most 64 KiB\n")
            body = self.rfile.read(int(length)).decode(errors="replace")
            try:
                return self.say(200, TEXT, witness.add(body))
            except Refused as refused:
                return self.say(*refused.answer)

        def do_GET(self) -> None:
            found = re.fullmatch("/([0-9a-f]{64})/checkpoint", self.path)
            file = witness.file("").with_name(found[1]) if found else None
            if file is None or not file.exists():
                return self.say(404, TEXT, "nothing was cosigned here under that name\n")
            return self.say(200, TEXT, file.read_text(encoding="utf-8"))

        def say(self, status: int, type: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Who visited is nobody's business."""

    return ThreadingHTTPServer((host, port), Visit)


def witness(
    name: str,
    logs: list[str],
    state: Path = Path("witness"),
    host: str = "127.0.0.1",
    port: int = 8401,
) -> None:
    """Cosign the logs of towns, as somebody outside: NAME of the witness, verifier keys of LOGS."""
    here = Witness(name, logs, state)
    print(f"This witness cosigns as\n{here.key}\non http://{host}:{port}", flush=True)
    server(here, host, port).serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    witness(sys.argv[1], sys.argv[2:])
