"""The client of a custodian of footage: looks at what was agreed to, and releases its own shares.

    python custodian.py keygen police police.key
    python custodian.py trust police.key https://square.example.org 'square.example.org/log+…+…'
    python custodian.py inbox police.key
    python custodian.py release police.key OPENING
    python custodian.py watch police.key --emergency
    python custodian.py answer police.key
    python custodian.py hand-on police.key

One file: it needs Python 3.11 and the package `cryptography`, and shares no code with the town.
Long because one file is all that a custodian has to read and to keep. The key of the town's log
must come from somebody you trust, best on paper; it is also at /log/key.

Always holds: a share goes out for one segment of the camera and the time that you are shown, once
the town has signed in its log that the segment exists, and sealed to the one key that you are
shown; what the town says otherwise is not believed. The secret key leaves this file for nobody.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from base64 import b64decode, b64encode
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
BODY = re.compile(r"([^\n]+)\n(0|[1-9]\d{0,18})\n([A-Za-z0-9+/]{43}=)\n")
TIMEOUT_S = 60
WATCH_S = 15

ACTS = {
    "keygen": ("name", "file"),
    "trust": ("file", "town", "log"),
    "inbox": ("file",),
    "release": ("file", "opening"),
    "watch": ("file",),
    "answer": ("file",),
    "hand-on": ("file",),
}
HELP = {
    "keygen": "Make a key, and print the line that the town is given.",
    "trust": "Say which town it is for, and the key of its log.",
    "inbox": "What waits to be released.",
    "release": "Look at one opening, and release it.",
    "watch": "Stand by for emergencies that another custodian released by hand.",
    "answer": "Answer a drill, which tries whether the key works.",
    "hand-on": "When you leave: seal your shares to who follows.",
}


class Wrong(Exception):
    def __str__(self) -> str:
        return plain(super().__str__())


class Key(NamedTuple):
    """What lies in the key's file; `town` and `log` once it is told whom to believe."""

    name: str
    sealing: bytes
    signing: bytes
    town: str = ""
    log: str = ""

    @property
    def private(self) -> hpke.MLKEM768X25519PrivateKey:
        return hpke.MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(self.sealing[:64]),
            X25519PrivateKey.from_private_bytes(self.sealing[64:]),
        )

    @property
    def signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.signing)

    @property
    def line(self) -> str:
        """What the town is given."""
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.sealing[:64]).public_key()
        x25519 = X25519PrivateKey.from_private_bytes(self.sealing[64:]).public_key()
        raw = mlkem.public_bytes_raw() + x25519.public_bytes_raw()
        raw += self.signer.public_key().public_bytes_raw()
        return f"{self.name}+{thumbprint(raw)}+{b64encode(raw).decode()}"


def thumbprint(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]


# --- the key's file


def keygen(name: str, file: Path) -> Key:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise Wrong(f"the name {name!r}: use a-z, 0-9 and -, up to 40")
    key = Key(name, os.urandom(96), os.urandom(32))
    _write(file, key, os.O_EXCL)
    return key


def load(file: Path) -> Key:
    try:
        if file.stat().st_mode & 0o077:
            raise Wrong(f"others can read {file}; run: chmod 600 {file}")
        told = json.loads(file.read_bytes())
        sealing, signing = b64decode(told["sealing"]), b64decode(told["signing"])
        return Key(told["name"], sealing, signing, told.get("town", ""), told.get("log", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Wrong(f"{file} is no key of a custodian: {error}") from error


def trust(file: Path, town: str, log: str) -> Key:
    """From now on this town, known by the key of its log."""
    at = urlsplit(town)
    if at.scheme != "https" and at.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise Wrong("the town is reached by https://, or on this machine")
    if len(log.split("+", 2)) != 3:
        raise Wrong("the key of the log is like square.example.org/log+0f1e2d3c+AQ…")
    key = load(file)._replace(town=town.rstrip("/"), log=log.strip())
    _write(file, key, os.O_TRUNC)
    return key


def _write(file: Path, key: Key, how: int) -> None:
    told = {"name": key.name, "town": key.town, "log": key.log}
    told |= {name: b64encode(getattr(key, name)).decode() for name in ("sealing", "signing")}
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600), "w") as out:
            json.dump(told, out)
    except FileExistsError as error:
        raise Wrong(f"{file} is there already; a lost key opens nothing again") from error


# --- talking to the town


def ask(key: Key, path: str, body: bytes | None = None) -> Any:
    return json.loads(ask_raw(key, path, body))


def ask_raw(key: Key, path: str, body: bytes | None = None) -> bytes:
    """Signed with the key. Raises Wrong."""
    if not key.town:
        raise Wrong("say first which town: custodian.py trust FILE https://TOWN 'KEY OF ITS LOG'")
    challenge = json.loads(_fetch(key.town, "/custody/challenge"))["challenge"]
    method = "GET" if body is None else "POST"
    sum = hashlib.sha256(body or b"").hexdigest()
    said = "\n".join(("townsquare custody 1", challenge, method, path, sum)).encode()
    headers = {
        "townsquare-custodian": key.name,
        "townsquare-challenge": challenge,
        "townsquare-signature": b64encode(key.signer.sign(said)).decode(),
        "content-type": "application/json",
    }
    return _fetch(key.town, path, body, headers)


def _fetch(
    town: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> bytes:
    at = urlsplit(town)
    kind = HTTPSConnection if at.scheme == "https" else HTTPConnection
    try:
        line = kind(at.netloc, timeout=TIMEOUT_S)
        line.request("GET" if body is None else "POST", path, body, headers or {})
        answer = line.getresponse()
        found = answer.read()
        line.close()
    except (OSError, HTTPException) as error:
        raise Wrong(f"{at.netloc} does not answer: {error}") from error
    if answer.status >= 300:
        raise Wrong(f"the town says: {found.decode(errors='replace')[:500]}")
    return found


# --- what the town must prove


class Head(NamedTuple):
    size: int
    root: bytes


def head(note: str, log: str) -> Head:
    """Of a checkpoint that the town's log signed. Raises Wrong."""
    name, id, told = log.split("+", 2)
    text, _, lines = note.rpartition("\n\n")
    found = BODY.fullmatch(f"{text}\n")
    public = Ed25519PublicKey.from_public_bytes(b64decode(told)[1:])
    for line in lines.splitlines():
        signer, _, signature = line.removeprefix("— ").partition(" ")
        raw = b64decode(signature)
        if found and found[1] == name == signer and raw[:4].hex() == id:
            try:
                public.verify(raw[4:], f"{text}\n".encode())
            except InvalidSignature:
                continue
            return Head(int(found[2]), b64decode(found[3]))
    raise Wrong("the log of the town is not signed by the key that you trust")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def climb(place: int, size: int, proof: list[bytes], found: bytes) -> bytes:
    """The root to which a proof leads (RFC 9162, 2.1.3.1), from its end."""
    if size == 1:
        return found
    split, beside = 1 << (size - 1).bit_length() - 1, proof.pop()
    if place < split:
        return node(climb(place, split, proof, found), beside)
    return node(beside, climb(place - split, size - split, proof, found))


def apex(row: list[bytes]) -> bytes:
    """Of the tree over these leaves."""
    while len(row) > 1:
        pairs = [row[at : at + 2] for at in range(0, len(row), 2)]
        row = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return row[0] if row else hashlib.sha256().digest()


def entry(told: Any, top: Head) -> Any:
    """The record of an entry that is in the tree that was signed. Raises Wrong."""
    salt, record = b64decode(told["salt"]), told["record"].encode()
    commitment, proof = b64decode(told["commitment"]), [b64decode(one) for one in told["proof"]]
    at = told["index"]
    try:
        whole = 0 <= at < top.size and hashlib.sha256(salt + record).digest() == commitment
        if whole and climb(at, top.size, proof, leaf(commitment)) == top.root and not proof:
            return json.loads(record)
    except IndexError:
        pass
    raise Wrong(f"entry {at} is not in the log that was signed")


def require_listed(hour: Any, camera: str, name: str, top: Head) -> set[str]:
    """The digests of the segments of an hour that are in the log. Raises Wrong."""
    if "entry" not in hour:
        raise Wrong(f"the segments of {name} are not in the signed log yet; try again in 5 minutes")
    record = entry(hour["entry"], top)
    rows = [
        leaf(f"{one['digest']} {one['since']} {one['until']}".encode()) for one in hour["lines"]
    ]
    known = record["subject"] == f"urn:ngsi-ld:SealedFootage:{camera}:{name}"
    if not known or f"listRoot={apex(rows).hex()}" not in record["detail"].split(", "):
        raise Wrong(f"the list of {camera}, {name}, is not the one in the log")
    return {one["digest"] for one in hour["lines"]}


def require_opening(told: Any, top: Head) -> None:
    """That the opening itself stands in the signed log, as it is shown. Raises Wrong."""
    for each in told["entries"]:
        record = entry(each, top)
        said = record["detail"].split(", ")
        wanted = (
            f"refCamera=urn:ngsi-ld:Camera:{told['camera']}",
            f"dateObservedFrom={told['since']}",
            f"dateObservedTo={told['until']}",
            f"emergency={int(told['emergency'])}",
            f"keyThumbprint={key_of(told)}",
            "status=agreed",
        )
        reason = (record["subject"], record["purpose"], record.get("case", ""))
        shown = (told["id"], told["purpose"], told["case"])
        if reason == shown and all(one in said for one in wanted):
            return
    raise Wrong("this opening is not in the signed log yet; try again in a minute")


# --- releasing


def require_segment(segment: Any, told: Any, listed: dict[str, set[str]]) -> Any:
    """The header of a segment that is of what was agreed to. Raises Wrong."""
    raw = b64decode(segment["header"])
    header, sum = json.loads(raw), bytes.fromhex(segment["ciphertextSum"])
    digest = hashlib.sha256(hashlib.sha256(raw).digest() + sum).hexdigest()
    since, until = datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"])
    began = datetime.fromisoformat(header["since"])
    ended = datetime.fromisoformat(header["until"])
    if digest != segment["digest"] or digest not in listed.get(segment["hour"], set()):
        raise Wrong(f"segment {segment['file']} is not in the list that the log has")
    if header["camera"] != told["camera"] or ended <= since or began >= until:
        raise Wrong(f"segment {segment['file']} is not of what was agreed to")
    return header


def resealed(
    key: Key, segment: Any, header: Any, told: Any, to: hpke.MLKEM768X25519PublicKey
) -> str:
    """This custodian's share, sealed to who asked. Raises Wrong."""
    sealed = b64decode(segment["share"])
    if key.name in segment["handed"]:
        index = int(segment["handed"][key.name])
        said = handed_info(b64decode(segment["header"]), key.name)
        false = f"a false share of {segment['file']} was handed on to you"
    else:
        names = [one["key"].split("+")[0] for one in told["terms"][header["terms"]]["custodians"]]
        index, said = names.index(key.name), share_info(header, key.name)
        false = f"the recorder sealed a false share into {segment['file']}"
        if hashlib.sha256(sealed).hexdigest() != header["shares"][index]:
            raise Wrong(f"the share of {segment['file']} is not the one that was recorded")
    share = own_share(key, sealed, said, header["commitments"][index], (index + 1, false))
    info = f"townsquare release 1\n{told['id']}\n{segment['digest']}\n{key.name}".encode()
    return b64encode(SUITE.encrypt(share, to, info)).decode()


def own_share(key: Key, sealed: bytes, info: bytes, committed: str, of: tuple[int, str]) -> bytes:
    """`of` is its number, and what to say of a false one. Raises Wrong."""
    number, false = of
    try:
        share = SUITE.decrypt(sealed, key.private, info)
    except (InvalidTag, ValueError) as error:
        raise Wrong(f"share {number} was sealed to another key, or for something else") from error
    if hashlib.sha256(b"townsquare share %d\n" % number + share).hexdigest() != committed:
        raise Wrong(false)
    return share


def share_info(header: Any, name: str) -> bytes:
    said = ("townsquare share 1", header["camera"], since_of(header), header["terms"], name)
    return "\n".join(said).encode()


def handed_info(header: bytes, name: str) -> bytes:
    return f"townsquare handed share 1\n{hashlib.sha256(header).hexdigest()}\n{name}".encode()


def since_of(header: Any) -> str:
    return datetime.fromisoformat(header["since"]).isoformat()


def release(key: Key, told: Any) -> bytes:
    """Everything that was agreed to, checked and signed. Raises Wrong."""
    top = head(told["checkpoint"], key.log)
    require_opening(told, top)
    listed = {n: require_listed(h, told["camera"], n, top) for n, h in told["hours"].items()}
    to, shares = sealing_key(told["key"]), {}
    for each in told["segments"]:
        header = require_segment(each, told, listed)
        shares[each["digest"]] = resealed(key, each, header, told, to)
    sums = {d: hashlib.sha256(b64decode(share)).hexdigest() for d, share in shares.items()}
    said = release_said(told["id"], {"custodian": key.name, "sums": sums})
    signature = b64encode(key.signer.sign(said)).decode()
    made = {"opening": told["id"], "custodian": key.name, "shares": shares, "signature": signature}
    return json.dumps(made).encode()


def require_by_hand(key: Key, told: Any) -> None:
    """That another custodian has released just this. Raises Wrong.

    A client that stands by goes second: however many stand by, nothing opens unless a person of one
    custodian released it with that custodian's own key.
    """
    headers = {each["digest"]: json.loads(b64decode(each["header"])) for each in told["segments"]}
    of = {header["terms"] for header in headers.values()}
    for one in told["released"]:
        known = {signer(told["terms"][hash], hash, one["custodian"]) for hash in of}
        if one["custodian"] == key.name or None in known or len(known) != 1:
            continue
        if (
            headers
            and set(headers) <= set(one["sums"])
            and signed(told["id"], one, known.pop() or b"")
        ):
            return
    raise Wrong("no other custodian has released this by hand yet")


def signer(terms: Any, hash: str, name: str) -> bytes | None:
    """With which key this custodian signs, by terms that segments were sealed under."""
    said = json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if hashlib.sha256(said.encode()).hexdigest() == hash:
        for line in (one["key"].strip() for one in terms["custodians"]):
            if line.partition("+")[0] == name:
                return b64decode(line.split("+", 2)[2])[1216:]
    return None


def signed(opening: str, one: Any, key: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(key)
        public.verify(b64decode(one["signature"]), release_said(opening, one))
    except (InvalidSignature, ValueError):
        return False
    return True


def release_said(opening: str, one: Any) -> bytes:
    """What a custodian signs: which sealed share of which segment."""
    lines = [f"{digest} {sum}" for digest, sum in sorted(one["sums"].items())]
    return b"townsquare release 1\n" + "\n".join((opening, one["custodian"], *lines)).encode()


def shown(told: Any) -> str:
    """What somebody agrees to by releasing it. Nothing that the town says moves the cursor."""
    agreed = ", ".join(told["approvedBy"])
    rows = {
        "opening": told["id"],
        "camera": told["camera"],
        "from": told["since"],
        "to": told["until"],
        "for": f"{told['purpose']}, case {told['case']}",
        "asked by": told["organisation"],
        "agreed by": agreed,
        "goes to": f"the one-time key {key_of(told)}; compare it with who asked",
    }
    urgent = ["EMERGENCY: one custodian agreed"] if told["emergency"] else []
    return "\n".join(urgent + [f"{row:<10}{plain(value)}" for row, value in rows.items()])


def plain(value: object) -> str:
    """Without what a terminal would obey, or turn around."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(value))


def key_of(told: Any) -> str:
    """The thumbprint of the key to which it goes, whatever the town says that it is."""
    return key_print(told["key"])


def fetched(key: Key, opening: str) -> Any:
    return ask(key, f"/custody/openings/{quote(opening, safe=':')}/shares")


def send(key: Key, told: Any) -> str:
    """Exactly what was shown."""
    after = ask(key, f"/custody/openings/{quote(told['id'], safe=':')}/release", release(key, told))
    return f"released; {len(after['releasedBy'])} of 2 custodians have"


def watch(key: Key) -> None:
    """Releases emergencies that another custodian has released by hand, and nothing else."""
    while True:
        try:
            for one in ask(key, "/custody/openings"):
                if one["emergency"] and one["releasedBy"]:
                    print(stand_by(key, one["id"]), flush=True)
        except Wrong as wrong:
            print(wrong, file=sys.stderr, flush=True)
        time.sleep(WATCH_S)


def stand_by(key: Key, opening: str) -> str:
    """What was released. Raises Wrong."""
    told = fetched(key, opening)
    if not told["emergency"]:
        raise Wrong(f"{plain(opening)} is no emergency; look at it, and release it by hand")
    require_by_hand(key, told)
    return f"{shown(told)}\n{send(key, told)}"


# --- drills


def answer(key: Key) -> str:
    """Opens what a drill sealed to this key, and gives it back: that the key is there and works.

    What a drill seals says that it is for a drill, so that no share of footage passes for one.
    Raises Wrong.
    """
    told = ask(key, "/custody/drill")
    if told is None:
        return "No drill waits for you."
    drill, index = str(told["drill"]), int(told["index"])
    said = f"townsquare drill share 1\n{drill}\n{key.name}".encode()
    of = (index, "the share of this drill is not the one that was committed to")
    share = own_share(key, b64decode(told["share"]), said, told["commitment"], of)
    info = f"townsquare drill answer 1\n{drill}\n{key.name}".encode()
    sealed = SUITE.encrypt(share, sealing_key(told["key"]), info)
    sum = hashlib.sha256(sealed).hexdigest()
    signature = key.signer.sign(f"townsquare drill 1\n{drill}\n{key.name}\n{sum}".encode())
    made = {"drill": drill, "custodian": key.name}
    made |= {"share": b64encode(sealed).decode(), "signature": b64encode(signature).decode()}
    after = ask(key, "/custody/drill", json.dumps(made).encode())
    return f"answered drill {plain(drill)} with the key {key.name}; it is {plain(after['status'])}"


# --- handing on


def hand_on(key: Key, sure: bool) -> str:
    """All shares of this key, to who follows by the terms of the town. Raises Wrong."""
    told = ask(key, "/custody/hand-on/start")
    successor, number = str(told["successor"]), 0
    name, organisation = successor.split("+")[0], told["organisation"]
    print(f"goes to   {plain(name)} of {plain(organisation)}, key {key_print(successor)}")
    print("          compare it with them, best by telephone")
    if not sure and input("Hand on all of your shares? Write yes: ").strip() != "yes":
        return "Nothing was handed on."
    while told["segments"]:
        if told["successor"] != successor:
            raise Wrong("the town now names somebody else who follows; begin anew")
        number += handed(key, successor, told["segments"])
        last = quote(told["segments"][-1]["name"], safe=":")
        told = ask(key, f"/custody/hand-on/{last}")
    return f"handed on {number} shares; keep your key until the town has none of before any more"


def handed(key: Key, successor: str, segments: Any) -> int:
    """How many the town took."""
    to, name, shares = sealing_key(successor), successor.split("+")[0], {}
    for each in segments:
        raw, index = b64decode(each["header"]), int(each["index"])
        header, false = json.loads(raw), f"a false share was recorded in {each['name']}"
        said, committed = share_info(header, key.name), header["commitments"][index]
        share = own_share(key, b64decode(each["share"]), said, committed, (index + 1, false))
        shares[each["name"]] = b64encode(SUITE.encrypt(share, to, handed_info(raw, name))).decode()
    sums = {n: hashlib.sha256(b64decode(one)).hexdigest() for n, one in shares.items()}
    lines = [f"{name} {sum}" for name, sum in sorted(sums.items())]
    whole = "\n".join(("townsquare hand-on 1", key.name, successor, *lines)).encode()
    made = {"custodian": key.name, "successor": successor, "shares": shares}
    made["signature"] = b64encode(key.signer.sign(whole)).decode()
    return int(ask(key, "/custody/hand-on", json.dumps(made).encode())["handed"])


def key_print(line: str) -> str:
    return thumbprint(b64decode(line.split("+", 2)[2]))


def sealing_key(line: str) -> hpke.MLKEM768X25519PublicKey:
    """Of a key as it is printed."""
    public = b64decode(line.split("+", 2)[2])
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:1184]),
        X25519PublicKey.from_public_bytes(public[1184:1216]),
    )


def act(given: argparse.Namespace) -> str:
    file = Path(given.file)
    if given.act == "keygen":
        return keygen(given.name, file).line
    if given.act == "trust":
        return f"{trust(file, given.town, given.log).name} believes {given.log.split('+')[0]}"
    key = load(file)
    if given.act == "hand-on":
        return hand_on(key, given.yes)
    if given.act == "release":
        return reviewed(key, given.opening, given.yes)
    return answer(key) if given.act == "answer" else inbox(key)


def inbox(key: Key) -> str:
    return "\n\n".join(map(shown, ask(key, "/custody/openings"))) or "Nothing waits for you."


def reviewed(key: Key, opening: str, sure: bool) -> str:
    """Released, once it was looked at."""
    told = fetched(key, opening)
    print(shown(told))
    if sure or input("Release this? Write yes: ").strip() == "yes":
        return send(key, told)
    return "Nothing was released."


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="custodian", description=(__doc__ or "").split("\n")[0])
    acts = parser.add_subparsers(dest="act", required=True)
    for name, more in ACTS.items():
        each = acts.add_parser(name, help=HELP[name])
        for one in more:
            each.add_argument(one)
    for name in ("release", "hand-on"):
        acts.choices[name].add_argument("--yes", action="store_true", help="do not ask me")
    acts.choices["watch"].add_argument("--emergency", action="store_true", required=True)
    given = parser.parse_args(arguments)
    if given.act == "watch":
        watch(load(Path(given.file)))
    print(act(given))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Wrong as wrong:
        sys.exit(f"custodian: {wrong}")
