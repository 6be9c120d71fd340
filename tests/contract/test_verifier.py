"""The verifier finds what was tampered with, and names it. It shares no code with the writer."""

import base64
import hashlib
import io
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typer.testing import CliRunner

from tests import notary as made
from tests.conftest import OpenBroker
from tests.contract.test_ledger import OFFICER
from tests.contract.test_log import (
    TYPES,
    URL,
    WHY,
    deletes,
    deletes_in_the_middle,
    edits,
    edits_and_commits_anew,
    noted,
    reorders,
    signed,
)
from townsquare.cli import commands, verifier
from townsquare.cli.verifier import Entry, Head, Tree, Wrong, require_entry, require_tree
from townsquare.cli.witness import Witness as Cosigner
from townsquare.context.broker import Broker
from townsquare.context.http import problem
from townsquare.context.ledger import LogSearch
from townsquare.model.errors import TownsquareError
from townsquare.trust import note, tlog
from townsquare.trust.tiles import Tiles
from townsquare.web import handing
from townsquare.web.accounts.commands import ADMINISTRATOR

ORIGIN = "example.org/log"
SIGNER = note.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
KEY = str(SIGNER.key)


async def refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, TownsquareError)
    return JSONResponse(None, problem(error).status)


ERRORS: Any = {TownsquareError: refusal}


class Kept:
    """A log of some entries, of which each fifth is erased, as files in memory."""

    def __init__(self, size: int, folder: Path) -> None:
        self.entries = [_entry(n) for n in range(size)]
        tiles = Tiles(folder)
        tiles.append(entry.commitment for entry in self.entries)
        tiles.keep()
        self.root = tlog.root(size, tiles.hashes)
        self.files = {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }
        self.note = SIGNER.note(self.root, size).encode()
        self.proofs = [tlog.inclusion(n, size, tiles.hashes) for n in range(size)]

    def read(self, path: str) -> bytes:
        return self.files.get(path, b"")

    def verify(self) -> None:
        top = verifier.head(self.note, KEY, (), 0)
        require_tree(self.read, self.entries, [top])


def _entry(n: int) -> Entry:
    salt, record = hashlib.sha256(b"%d" % n).digest()[:16], b'{"subject":"urn:%d","by":"x"}' % n
    commitment = hashlib.sha256(salt + record).digest()
    return Entry(n, salt, record, commitment) if n % 5 else Entry(n, b"", b"", commitment)


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(1000, tmp_path_factory.mktemp("log"))


def flipped(data: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(len(data)):
        yield at, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# --- every single byte of a log of 1,000 entries; each is looked at by what the whole asks of it


def test_a_log_as_it_was_signed_verifies(thousand: Kept) -> None:
    thousand.verify()


def test_every_byte_of_every_record_and_salt_counts(thousand: Kept) -> None:
    for entry in thousand.entries:
        others = [
            *(entry._replace(salt=other) for _, other in flipped(entry.salt)),
            *(entry._replace(record=other) for _, other in flipped(entry.record)),
            *(entry._replace(commitment=other) for _, other in flipped(entry.commitment)),
        ]
        for other in others:
            with pytest.raises(Wrong, match=f"entry {entry.number} "):
                require_entry(other, entry.commitment)


def test_every_byte_of_every_bundle_counts(thousand: Kept) -> None:
    """A bundle is entries one behind the other, each of them looked at alone."""
    bundles = [data for name, data in sorted(thousand.files.items()) if "entries" in name]
    told = b"".join(bundles)
    assert len(told) == 34 * 1000
    for n, entry in enumerate(thousand.entries):
        for _, other in flipped(told[n * 34 : n * 34 + 34]):
            assert _first(other) != entry.commitment


def _first(bundle: bytes) -> bytes:
    """Empty where it is not taken for an entry."""
    try:
        return next(verifier.commitments(_always(bundle), 1))
    except Wrong:
        return b""


def test_every_byte_of_every_tile_counts(thousand: Kept) -> None:
    for name, tile in thousand.files.items():
        _, kind, number = name.split("/")[:3]
        if kind == "entries":
            continue
        level, span = int(kind), 256 ** int(kind)
        hashes = [tile[at : at + 32] for at in range(0, len(tile), 32)]
        for at, other in flipped(tile):
            tree = Tree(_always(other))
            tree.size = (int(number.split(".")[0]) * 256 + len(hashes)) * span
            tree.rows = [[]] * level + [hashes]
            with pytest.raises(Wrong, match="does not fit"):
                tree.compare(level)
            assert at < len(tile)


def test_every_byte_of_the_checkpoint_counts(thousand: Kept) -> None:
    for _, other in flipped(thousand.note):
        with pytest.raises(Wrong):
            verifier.head(other, KEY, (), 0)


def _always(data: bytes) -> verifier.Read:
    return lambda _: data


# --- the whole, on a smaller one


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(19, tmp_path_factory.mktemp("log"))


def test_every_byte_of_every_file_is_found_by_the_whole(small: Kept) -> None:
    honest = dict(small.files)
    for name, data in honest.items():
        for _, other in flipped(data):
            small.files = {**honest, name: other}
            with pytest.raises(Wrong):
                small.verify()
    small.files = honest
    small.verify()


@pytest.mark.parametrize("at", [0, 7, 18])
def test_an_entry_that_is_missing_or_in_another_place_is_named(small: Kept, at: int) -> None:
    top = [verifier.head(small.note, KEY, (), 0)]
    rest = [entry for entry in small.entries if entry.number != at]
    with pytest.raises(Wrong, match=f"entry {at} is missing"):
        require_tree(small.read, rest, top)
    swapped = list(small.entries)
    other = (at + 1) % 19
    swapped[at], swapped[other] = swapped[other], swapped[at]
    with pytest.raises(Wrong, match="entry"):
        require_tree(small.read, swapped, top)


def test_each_proof_is_of_its_entry_alone(small: Kept) -> None:
    top = verifier.head(small.note, KEY, (), 0)
    for n, entry in enumerate(small.entries):
        proven = entry._replace(proof=small.proofs[n])
        verifier.require_included(proven, top)
        other = (n + 1) % 19
        for wrong in (
            proven._replace(number=other),
            proven._replace(proof=small.proofs[other]),
            proven._replace(proof=small.proofs[n][:-1]),
            proven._replace(proof=[*small.proofs[n], small.root]),
            proven._replace(number=-1),
            proven._replace(number=n + 32),
        ):
            with pytest.raises(Wrong):
                verifier.require_included(wrong, top)


def test_earlier_checkpoints_must_be_in_the_tree(small: Kept) -> None:
    heads = [Head(19, small.root, {}), Head(7, bytes(32), {})]
    with pytest.raises(Wrong, match="of the entries 0 to 6"):
        require_tree(small.read, small.entries, heads)
    with pytest.raises(Wrong, match="forked"):
        require_tree(small.read, small.entries, [Head(19, small.root, {}), Head(19, bytes(32), {})])


# --- signatures


@cache
def witnesses(folder: Path) -> list[Cosigner]:
    return [Cosigner(f"w{n}.example", [KEY], folder / str(n)) for n in range(3)]


@pytest.mark.parametrize(("cosigned", "enough"), [(0, False), (1, False), (2, True), (3, True)])
def test_two_of_three_witnesses_are_enough(
    small: Kept, tmp_path: Path, cosigned: int, enough: bool
) -> None:
    told = witnesses(tmp_path)
    lines = [w.add(f"old 0\n\n{small.note.decode()}") for w in told[:cosigned]]
    keys = [w.key for w in told]
    note = small.note + "".join(lines).encode()
    if enough:
        assert len(verifier.head(note, KEY, keys, 2).witnessed) == cosigned
    else:
        with pytest.raises(Wrong, match=f"{cosigned} of 2"):
            verifier.head(note, KEY, keys, 2)


def test_the_example_of_a_signed_note_verifies() -> None:
    """C2SP signed-note, with its key."""
    key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    line = (
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3"
        "mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    text = "This is an example message.\n"
    assert verifier.signed(line, key, text) is not None
    assert verifier.signed(line, key, text + "\n") is None
    assert str(note.key(key, note.NOTE)) == key


def test_it_is_one_short_file_that_runs_alone() -> None:
    source = Path(verifier.__file__).read_text()
    modules = {
        line.split()[1].split(".")[0] for line in source.splitlines() if "import" in line[:6]
    }
    modules |= {
        line.split()[1].split(".")[0] for line in source.splitlines() if line[:5] == "from "
    }
    assert modules - set(sys.stdlib_module_names) == {"cryptography"}
    assert len([line for line in source.splitlines() if line.strip()]) < 200


# --- the command, on what a town keeps


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["log", "verify", *arguments])
    return result.exit_code, result.output


def nothing(_: sqlite3.Connection) -> None:
    pass


def erases(db: sqlite3.Connection) -> None:
    db.execute("update log set record = null, salt = x'' where row = 2")


@pytest.mark.parametrize(
    ("tamper", "code", "said"),
    [
        (nothing, 0, "All entries and hashes fit"),
        (erases, 0, "All entries and hashes fit"),
        (edits, 1, "entry 1 is not what was committed to"),
        (edits_and_commits_anew, 1, "entry 1 is not what was committed to"),
        (deletes, 1, "entry 2 is missing"),
        (deletes_in_the_middle, 1, "entry 1 is missing"),
        (reorders, 1, "entry 0 is not what was committed to"),
    ],
)
async def test_what_an_insider_does_is_found_and_named(
    open_broker: OpenBroker,
    tmp_path: Path,
    tamper: Callable[[sqlite3.Connection], None],
    code: int,
    said: str,
) -> None:
    broker = open_broker(*TYPES, url="sqlite:townsquare.db")
    await signed(broker, tmp_path, 5)
    with sqlite3.connect(tmp_path / "townsquare.db") as db:
        tamper(db)
    found = run(str(tmp_path))
    assert found[0] == code
    assert said in found[1]


async def test_an_older_database_is_found(open_broker: OpenBroker, tmp_path: Path) -> None:
    broker = open_broker(*TYPES, url="sqlite:townsquare.db")
    await signed(broker, tmp_path, 5)
    shutil.copytree(tmp_path / "log", tmp_path / "then")
    with sqlite3.connect(tmp_path / "townsquare.db") as db, sqlite3.connect(tmp_path / "o") as old:
        db.backup(old)
    await signed(broker, tmp_path, 5)
    await broker.store.close()
    shutil.copy(tmp_path / "o", tmp_path / "townsquare.db")
    (tmp_path / "townsquare.db-wal").unlink(missing_ok=True)
    assert "entry 5 is missing" in run(str(tmp_path))[1]


async def test_a_record_that_was_erased_by_the_house_proves_too(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES, url="sqlite:townsquare.db")
    await noted(broker, 3)
    await broker.ledger.erase([0, 2], OFFICER, WHY, "request 12")
    keeper = made.notary(broker, tmp_path)
    await keeper.step()
    assert run(str(tmp_path))[0] == 0


async def test_another_key_is_not_believed(open_broker: OpenBroker, tmp_path: Path) -> None:
    await signed(open_broker(*TYPES, url=URL), tmp_path, 5)
    assert "not signed by the log" in run(str(tmp_path), "--key", KEY)[1]


def test_nothing_there_is_said(tmp_path: Path) -> None:
    assert run(str(tmp_path)) == (
        1,
        f"WRONG: there is no log at {tmp_path}, or its key is missing: give --key\n",
    )


# --- an export for an auditor


async def exported(
    broker: Broker, folder: Path, *, reason: str = "order 5", to: str = "court"
) -> httpx.Response:
    """What the owner of the machine asks for, unpacked."""
    keeper = made.notary(broker, folder)
    await keeper.step()
    app = Starlette(routes=handing.routes(broker, keeper.log), exception_handlers=ERRORS)

    async def visited(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"actor": ADMINISTRATOR}
        await app(scope, receive, send)

    transport = httpx.ASGITransport(app=visited)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        answer = await http.post("/log/export", json={"reason": reason, "recipient": to})
    if answer.is_success:
        archive = base64.b64decode(answer.json()["archive"])
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder / "export")
    return answer


async def test_an_export_verifies_without_the_town_also_what_was_erased(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    await noted(broker, 5)
    await broker.ledger.erase([1], OFFICER, WHY, "request 12")
    await exported(broker, tmp_path)
    found = run(str(tmp_path / "export"), "--key", str(made.signing(tmp_path)))
    assert (found[0], "All 6 exported entries are in it" in found[1]) == (0, True)
    (entry,) = await broker.ledger.read(LogSearch(verb="disclosure"), OFFICER, WHY)
    assert entry.record.detail == "entries 0-5"
    assert (entry.record.recipients, entry.record.justification) == (("court",), "order 5")


async def test_an_export_that_was_cut_or_changed_is_found(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    await noted(broker, 5)
    await exported(broker, tmp_path)
    file = tmp_path / "export" / "records.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    for cut in range(5):
        file.write_text("".join(lines[:cut] + lines[cut + 1 :]))
        assert run(str(tmp_path / "export")) == (1, f"WRONG: entry {cut} is missing\n")
    file.write_text("".join(lines).replace("urn:x", "urn:y", 1))
    assert "entry 0 is not what was committed to" in run(str(tmp_path / "export"))[1]


async def test_an_export_needs_a_reason_and_a_recipient(
    open_broker: OpenBroker, tmp_path: Path
) -> None:
    broker = open_broker(*TYPES)
    await noted(broker, 5)
    assert (await exported(broker, tmp_path, reason="")).status_code == 400
    assert (await exported(broker, tmp_path, to="")).status_code == 400
