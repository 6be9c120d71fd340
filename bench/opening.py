"""How long it takes to open an hour of one camera: what the town hands out, what two custodians do,
and what who asked does, beside decrypting the same bytes with keys that are known.

360 segments of ten seconds and 2.4 Mbit/s on disk; without the network between them, and without
the people. Usage: python bench/opening.py [SEGMENTS]
"""

import base64
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from townsquare.trust.seal import keys, release, segment, sharing
from townsquare.trust.seal.keys import CustodianKey, OpeningKey
from townsquare.trust.seal.release import Release
from townsquare.trust.seal.segment import Of, Segment

AT = datetime(2031, 5, 1, 9, tzinfo=UTC)
BYTES = 3_000_000  # ten seconds of 2.4 Mbit/s
OPENING, NAMES, TWO = "urn:ngsi-ld:FootageOpening:bench", ("a", "b", "c"), (0, 2)
GOAL_S = 10


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    times[name] = times.get(name, 0.0) + time.monotonic() - began


def recorded(folder: Path, number: int, custodians: list[CustodianKey], hour: OpeningKey) -> None:
    content = np.random.default_rng(0).integers(0, 256, BYTES, np.uint8).tobytes()
    for n in range(number):
        since = AT + timedelta(seconds=10 * n)
        of = Of("bench", since, since + timedelta(seconds=10), "h264", "mp4", "h", "terms", "p")
        made = segment.sealed(of, content, custodians, hour.public)
        (folder / f"{n}.seal").write_bytes(segment.encoded(made))


def resealed(
    found: Segment, digest: str, share: bytes, n: int, own: OpeningKey, asker: OpeningKey
) -> bytes:
    """What the client of one custodian does with one share."""
    head = found.header
    info = segment.share_info(head.camera, head.since, head.terms, NAMES[n])
    opened = own.open(share, info)
    assert sharing.commitment(n + 1, opened) == head.commitments[n]  # noqa: S101 - a bench
    return asker.public.seal(opened, release.info(OPENING, digest, NAMES[n]))


def unsealed(found: Segment, given: dict[int, bytes], asker: OpeningKey) -> tuple[bytes, bytes]:
    """Key and content."""
    shares, digest = {}, found.digest
    for n, sealed in given.items():
        told = Release(OPENING, NAMES[n], {digest: base64.b64encode(sealed).decode()})
        committed = found.header.commitments[n]
        shares[n + 1] = release.share(told, digest, n + 1, committed, asker)
    key = sharing.combine(shares, found.header.commitments)
    return key, segment.opened(found, key)


def main(number: int) -> None:
    own = [keys.fresh() for _ in NAMES]
    signing = [Ed25519PrivateKey.generate().public_key().public_bytes_raw() for _ in NAMES]
    custodians = [
        CustodianKey(name, key.public, signs)
        for name, key, signs in zip(NAMES, own, signing, strict=True)
    ]
    hour, asker = keys.fresh(), keys.fresh()
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        recorded(folder, number, custodians, hour)
        for n in range(number):
            file = folder / f"{n}.seal"
            with timed(times, "the town hands out headers and sealed shares"):
                found = segment.decoded(file.read_bytes())
                shares, digest = segment.shares_of(found, hour), found.digest
            with timed(times, "two custodians check and seal their shares anew"):
                given = {i: resealed(found, digest, shares[i], i, own[i], asker) for i in TWO}
            with timed(times, "who asked opens and writes it"):
                again = segment.decoded(file.read_bytes())
                key, content = unsealed(again, given, asker)
                (folder / f"{n}.mp4").write_bytes(content)
            with timed(times, "decrypting and writing alone"):
                (folder / f"{n}.raw").write_bytes(segment.opened(again, key))
            for done in (f"{n}.mp4", f"{n}.raw", f"{n}.seal"):
                (folder / done).unlink()
    report(times, number)


def report(times: dict[str, float], number: int) -> None:
    hour_s = {name: spent * 360 / number for name, spent in times.items()}
    alone = hour_s.pop("decrypting and writing alone")
    table = Table("an hour of one camera", "seconds", "ratio", box=None)
    for name, spent in hour_s.items():
        table.add_row(name, f"{spent:.1f}", f"{spent / alone:.1f}")
    whole = sum(hour_s.values())
    table.add_row("all of it", f"{whole:.1f}", f"{whole / alone:.1f}")
    table.add_row("decrypting and writing alone", f"{alone:.1f}", "1")
    Console(width=110).print(table)
    print(f"goal: {GOAL_S} s; {'met' if whole < GOAL_S else 'NOT met'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 360)
