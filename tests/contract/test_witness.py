"""A witness by C2SP tlog-witness, and how the town asks witnesses and what it believes them."""

import base64
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import notary as made
from tests.conftest import OpenBroker
from tests.contract.test_log import TYPES, noted
from townsquare.cli.witness import Refused, consistent, name_of, server
from townsquare.cli.witness import Witness as Cosigner
from townsquare.context import outgoing
from townsquare.trust import note, tlog
from townsquare.web.notary import STALE, Notary
from townsquare.web.timekeeper import Timekeeper
from townsquare.web.witnesses import Witness

ORIGIN = "example.org/log"
SIGNER = note.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHER = note.Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))


def leaves(size: int, word: str = "") -> list[bytes]:
    return [tlog.leaf(hashlib.sha256(f"{word}{n}".encode()).digest()) for n in range(size)]


def hashes_of(leaves: Sequence[bytes]) -> tlog.Hashes:
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([tlog.node(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
    return lambda height, index: rows[height][index]


MINE = hashes_of(leaves(300))
FORKED = hashes_of(leaves(300, "other "))


def request(old: int, size: int, hashes: tlog.Hashes = MINE, signer: note.Signer = SIGNER) -> str:
    proof = tlog.consistency(old, size, hashes) if old <= size else []
    lines = "".join(f"{base64.b64encode(hash).decode()}\n" for hash in proof)
    return f"old {old}\n{lines}\n{signer.note(tlog.root(size, hashes), size)}"


@pytest.fixture
def witness(tmp_path: Path) -> Cosigner:
    return Cosigner("paper.example/w", [str(SIGNER.key)], tmp_path / "witness")


def refused(witness: Cosigner, body: str) -> tuple[int, str, str]:
    with pytest.raises(Refused) as why:
        witness.add(body)
    return why.value.answer


def test_consistency_of_all_pairs_up_to_300() -> None:
    roots = [tlog.root(size, MINE) for size in range(301)]
    for new in range(301):
        for old in range(new + 1):
            proof = tlog.consistency(old, new, MINE)
            assert consistent(old, new, proof, roots[old], roots[new]), (old, new)
            if 0 < old < new:
                assert not consistent(old, new, proof[:-1], roots[old], roots[new])
                assert not consistent(old, new, [*proof, roots[1]], roots[old], roots[new])
                assert not consistent(old, new, proof, roots[old - 1], roots[new])
                assert not consistent(old, new, proof, roots[old], roots[new - 1])


def test_what_contains_all_that_was_seen_is_cosigned(witness: Cosigner) -> None:
    key = note.key(witness.key, note.COSIGNATURE)
    for old, size in ((0, 1), (1, 7), (7, 7), (7, 256), (256, 300)):
        body = request(old, size)
        lines = witness.add(body)
        assert note.cosigned(body.partition("\n\n")[2], key, lines) is not None


def test_what_was_cosigned_is_shown_to_monitors(witness: Cosigner) -> None:
    witness.add(request(0, 5))
    kept = witness.shown(name_of(ORIGIN))
    assert note.checkpoint(kept, SIGNER.key) == note.Checkpoint(ORIGIN, 5, tlog.root(5, MINE))
    assert note.cosigned(kept, note.key(witness.key, note.COSIGNATURE)) is not None


TAMPERED = request(0, 5).replace("\n5\n", "\n6\n")
STRANGER = note.Signer("other.example/log", Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, ""),
        (400, "old 1\n"),
        (400, request(0, 5).replace("old 0", "old 00")),
        (400, request(0, 5).replace("old 0\n", "old 0\nAAAA\n")),
        (400, request(0, 5).replace("old 0\n", "old 0\n" + f"{'A' * 43}=\n" * 64)),
        (400, request(9, 5)),
        (403, request(0, 5, signer=OTHER)),
        (403, TAMPERED),
        (404, request(0, 5, signer=STRANGER)),
        (409, request(3, 5)),
        (422, request(0, 5).replace("old 0\n", f"old 0\n{'A' * 43}=\n")),
        (422, f"old 0\n\n{SIGNER.note(bytes(32), 0)}"),
    ],
)
def test_what_the_specification_refuses_is_refused(
    witness: Cosigner, status: int, body: str
) -> None:
    assert refused(witness, body)[0] == status
    assert witness.shown(name_of(ORIGIN)) == ""


def test_a_smaller_tree_is_told_the_size_that_was_cosigned(witness: Cosigner) -> None:
    witness.add(request(0, 20))
    assert refused(witness, request(3, 7)) == (409, "text/x.tlog.size", "20\n")


@pytest.mark.parametrize("size", [20, 21, 300])
def test_a_fork_gets_no_cosignature(witness: Cosigner, size: int) -> None:
    witness.add(request(0, 20))
    assert refused(witness, request(20, size, FORKED))[0] == 422
    witness.add(request(20, 300))


def test_a_witness_remembers_after_a_restart(tmp_path: Path) -> None:
    first = Cosigner("w", [str(SIGNER.key)], tmp_path / "w")
    first.add(request(0, 20))
    again = Cosigner("w", [str(SIGNER.key)], tmp_path / "w")
    assert again.key == first.key
    assert refused(again, request(0, 30)) == (409, "text/x.tlog.size", "20\n")
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o600


def test_of_requests_at_once_one_is_cosigned_and_no_leaf_rolled_back(
    witness: Cosigner, tmp_path: Path
) -> None:
    """The atomicity case of the specification: both were consistent with what was known. Also of a
    program that was started twice.
    """
    witness.add(request(0, 10))
    twice = Cosigner("paper.example/w", [str(SIGNER.key)], tmp_path / "witness")
    gate = threading.Barrier(20)

    def ask(size: int) -> int:
        gate.wait()
        try:
            (witness, twice)[size % 2].add(request(10, size))
        except Refused as no:
            return -no.answer[0]
        return size

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(ask, range(11, 31)))
    assert answers[:-1] == [-409] * 19
    seen = note.checkpoint(witness.shown(name_of(ORIGIN)), SIGNER.key)
    assert seen is not None
    assert seen.size == answers[-1]


def test_a_cut_key_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="copy all of it"):
        Cosigner("w", [str(SIGNER.key)[:-4]], tmp_path)


def test_it_is_one_file_that_runs_alone(tmp_path: Path) -> None:
    source = Path(sys.modules[Cosigner.__module__].__file__ or "").read_text()
    assert "townsquare." not in "".join(line for line in source.splitlines() if "import" in line)
    alone = tmp_path / "witness.py"
    alone.write_text(source)
    told = subprocess.run(
        [sys.executable, "-I", str(alone), "--help"], capture_output=True, text=True, check=False
    )
    assert "python witness.py paper.example/townsquare" in told.stderr


# --- the town asks


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Witness]]:
    servers = []

    def start(name: str) -> Witness:
        key = made.signing(tmp_path)
        run = Cosigner(f"{name}.example/w", [str(key)], tmp_path / name)
        opened = server(run, "127.0.0.1", 0)
        threading.Thread(target=opened.serve_forever, args=[0.01], daemon=True).start()
        servers.append(opened)
        return Witness(name, f"http://127.0.0.1:{opened.server_port}", run.key)

    yield start
    for opened in servers:
        opened.shutdown()
        opened.server_close()


async def test_checkpoints_are_cosigned_by_those_who_answer(
    open_broker: OpenBroker, tmp_path: Path, serve: Callable[[str], Witness]
) -> None:
    broker = open_broker(*TYPES)
    gone = Witness("gone", "http://127.0.0.1:9", str(note.Key("gone", 4, bytes(32))))
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        known = [serve("paper"), serve("court"), gone]
        for entries in (3, 300, 0, 1):  # also with nothing new, and after a restart
            await noted(broker, entries)
            keeper = made.notary(broker, tmp_path, witnesses=known, client=client)
            await keeper.step()
            last = keeper.witnesses.last()
            assert last["paper"]
            assert last["court"]
            assert last["gone"] is None
            assert list(keeper.witnesses.trouble) == ["gone"]
            assert not keeper.stale


async def test_no_cosignature_for_a_day_is_stale(
    open_broker: OpenBroker, tmp_path: Path, serve: Callable[[str], Witness]
) -> None:
    broker = open_broker(*TYPES)
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        keeper = made.notary(broker, tmp_path, witnesses=[serve("paper")], client=client)
        await noted(broker)
        await keeper.step()
        now = broker.clock()
        assert not keeper.stale
        broker.clock = lambda: now + STALE + timedelta(minutes=1)
        assert keeper.stale


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta()])
async def test_a_witness_tells_by_how_much_our_clock_was_off_from_the_start(
    open_broker: OpenBroker, tmp_path: Path, serve: Callable[[str], Witness], off: timedelta
) -> None:
    broker = open_broker(*TYPES)
    clock = Timekeeper(lambda: datetime.now(UTC) + off)
    broker.clock = clock.now
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        known = [serve("paper")]
        keeper = made.notary(broker, tmp_path, witnesses=known, client=client, clock=clock)
        await noted(broker)
        assert abs(clock.off) < timedelta(minutes=5)
        await keeper.step()
        assert abs(clock.off - off) < timedelta(minutes=5)


async def test_a_witness_that_is_not_declared_is_not_called(
    open_broker: OpenBroker, tmp_path: Path, serve: Callable[[str], Witness]
) -> None:
    broker = open_broker(*TYPES)
    nobody = outgoing.declared(outgoing.Settings())
    async with outgoing.Client(nobody) as client:
        keeper = made.notary(broker, tmp_path, witnesses=[serve("paper")], client=client)
        await noted(broker)
        await keeper.step()
        assert "not declared" in keeper.witnesses.trouble["paper"]


async def test_a_whole_folder_that_is_put_back_is_found_by_a_witness(
    open_broker: OpenBroker, tmp_path: Path, serve: Callable[[str], Witness]
) -> None:
    """Store and log together: only somebody outside knows better, and shows what we signed."""
    paper = serve("paper")
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:

        async def town(entries: int, folder: str) -> Notary:
            (tmp_path / folder / "secrets").mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / "secrets" / "log-key").write_text(
                (tmp_path / "secrets" / "log-key").read_text()
            )
            (tmp_path / folder / "secrets" / "log-key").chmod(0o600)
            broker = open_broker(*TYPES)
            await noted(broker, entries)
            keeper = made.notary(broker, tmp_path / folder, witnesses=[paper], client=client)
            await keeper.step()
            return keeper

        assert (await town(5, "first")).trouble == ""
        assert "put back to an earlier state" in (await town(3, "smaller")).trouble
        assert "the log was changed" in (await town(8, "forked")).trouble
