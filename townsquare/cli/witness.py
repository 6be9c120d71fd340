"""A witness for transparency logs, by C2SP tlog-witness: one file that a newspaper can run.

    python witness.py paper.example/townsquare 'square.example.org/log+0f1e2d3c+AQ…'

It needs Python 3.11 and the package `cryptography`, and nothing else of Townsquare. The arguments
are the name of the witness and the verifier keys of the logs it watches; its own, which the towns
need, is printed at the start. It answers at 127.0.0.1:8401 and keeps the file `witness.db`.

Always holds: what is cosigned contains all that was cosigned before. To compare with the latest
checkpoint and to put the new one on the disk is one step; the cosignature leaves after it.
"""

import hashlib
import re
import sqlite3
import sys
import time
from base64 import b64decode, b64encode
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MOST_BYTES = 65_536
NUMBER, HASH = r"(0|[1-9]\d{0,18})", r"[A-Za-z0-9+/]{43}="
REQUEST = re.compile(  # old size, proof, and the note: origin, size, root, extensions; signatures
    rf"old {NUMBER}\n((?:{HASH}\n){{0,63}})\n"
    rf"(([^\n]+)\n{NUMBER}\n({HASH})\n(?:[^\n]+\n)*)\n((?:[^\n]+\n)+)"
)
TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class Refused(Exception):
    def __init__(self, status: int, why: str, type: str = TEXT) -> None:
        self.answer = (status, type, f"{why}\n")


class Witness:
    def __init__(self, name: str, logs: list[str], state: Path) -> None:
        self._name, self._state, self._logs = name, state, dict(map(verifier, logs))
        state.touch(mode=0o600)  # the private key is in it
        fresh = Ed25519PrivateKey.generate().private_bytes_raw().hex()
        with closing(self._open()) as kept:
            kept.execute("create table if not exists own (one integer primary key, key text)")
            kept.execute("create table if not exists shown (name text primary key, note text)")
            kept.execute("insert or ignore into own values (1, ?)", [fresh])
            (key,) = kept.execute("select key from own").fetchone()
        self._private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))
        public = b"\x04" + self._private.public_key().public_bytes_raw()
        self._id = hashlib.sha256(f"{name}\n".encode() + public).digest()[:4]
        self.key = f"{name}+{self._id.hex()}+{b64encode(public).decode()}"

    def _open(self) -> sqlite3.Connection:
        kept = sqlite3.connect(self._state, timeout=10, isolation_level=None)
        kept.execute("pragma synchronous = extra")  # what was committed outlives a power cut
        return kept

    def shown(self, name: str) -> str:
        """What was cosigned last of the log whose origin has this hash; empty where nothing was."""
        with closing(self._open()) as kept:
            return shown(kept, name)

    def add(self, body: str) -> str:
        """The cosignature that an add-checkpoint request asks for. Raises Refused."""
        asked = REQUEST.fullmatch(body)
        if not asked or int(asked[1]) > int(asked[5]):
            raise Refused(400, "this is no add-checkpoint request")
        old, proof, text, origin, size, root, lines = asked.groups()
        hashes = [b64decode(hash) for hash in proof.split()]
        signed, cosignature = self._signed(origin, text, lines), self._cosigned(text)
        with closing(self._open()) as kept:
            kept.execute("begin immediate")  # until the end nobody else gets further than this
            _, last, was, *_ = (shown(kept, name_of(origin)) or "\n0\n\n").split("\n")
            if last != old:
                raise Refused(409, last, SIZE)
            if not consistent(int(old), int(size), hashes, b64decode(was), b64decode(root)):
                raise Refused(422, "the checkpoint does not contain what was cosigned before")
            note = f"{text}\n{signed}\n{cosignature}"
            kept.execute("replace into shown values (?, ?)", [name_of(origin), note])
            kept.execute("commit")
        return cosignature

    def _signed(self, origin: str, text: str, lines: str) -> str:
        """The line with the log's own signature. Raises Refused."""
        if origin not in self._logs:
            raise Refused(404, "this log is not watched here")
        id, key = self._logs[origin]
        for line, told in re.findall(rf"^(— {re.escape(origin)} (\S+))$", lines, re.MULTILINE):
            with suppress(ValueError, InvalidSignature):
                signature = b64decode(told, validate=True)
                if signature[:4].hex() == id:
                    key.verify(signature[4:], text.encode())
                    return str(line)
        raise Refused(403, "there is no signature of the log that verifies")

    def _cosigned(self, text: str) -> str:
        now = int(time.time())
        signature = self._private.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        told = b64encode(self._id + now.to_bytes(8, "big") + signature).decode()
        return f"— {self._name} {told}\n"


def verifier(text: str) -> tuple[str, tuple[str, Ed25519PublicKey]]:
    """Name of a log, and id and key. Raises ValueError."""
    name, id, key = text.split("+", 2)
    told = b64decode(key)
    if told[:1] != b"\x01" or hashlib.sha256(f"{name}\n".encode() + told).hexdigest()[:8] != id:
        raise ValueError(f"{text!r} is no verifier key of a log; copy all of it")
    return name, (id, Ed25519PublicKey.from_public_bytes(told[1:]))


def name_of(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def shown(kept: sqlite3.Connection, name: str) -> str:
    found = kept.execute("select note from shown where name = ?", [name]).fetchone()
    return str(found[0]) if found else ""


def consistent(old: int, new: int, proof: list[bytes], was: bytes, root: bytes) -> bool:
    """Whether the tree with this root begins with that one (RFC 9162, 2.1.4)."""
    if old == 0:
        return not proof and (new > 0 or root == hashlib.sha256().digest())
    left = list(proof)
    with suppress(IndexError):  # the proof is too short
        return roots(old, new, left, was) == (was, root) and not left
    return False


def roots(old: int, new: int, proof: list[bytes], was: bytes | None) -> tuple[bytes, bytes]:
    """Of the first `old` leaves and of all, as the proof is made, from its end; `was` stands for
    the hash that it leaves out.
    """
    if old == new:
        hash = was or proof.pop()
        return hash, hash
    split, beside = 1 << (new - 1).bit_length() - 1, proof.pop()
    if old <= split:
        before, after = roots(old, split, proof, was)
        return before, node(after, beside)
    before, after = roots(old - split, new - split, proof, None)
    return node(beside, before), node(beside, after)


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    class Visit(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != "/add-checkpoint" or not length.isdecimal() or int(length) > MOST_BYTES:
                return self.say(404, TEXT, "POST /add-checkpoint, at most 64 KiB\n")
            try:
                body = self.rfile.read(int(length)).decode(errors="replace")
                return self.say(200, TEXT, witness.add(body))
            except Refused as refused:
                return self.say(*refused.answer)

        def do_GET(self) -> None:
            found = re.fullmatch("/([0-9a-f]{64})/checkpoint", self.path)
            note = witness.shown(found[1]) if found else ""
            self.say(200 if note else 404, TEXT, note or "nothing was cosigned here of that name\n")

        def say(self, status: int, type: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", type)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Who visited is nobody's business."""

    return ThreadingHTTPServer((host, port), Visit)


def witness(
    name: str,
    logs: list[str],
    state: Path = Path("witness.db"),
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
