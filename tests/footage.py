"""A town's sealed footage for tests: three custodians with their keys, and segments on a shelf."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from townsquare.trust.seal import keys, segment, sharing
from townsquare.trust.seal.keys import CustodianKey, OpeningKey
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.segment import Of, Segment
from townsquare.trust.seal.terms import Custodian as Named
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed import durable, hour_keys, shelf
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.unwrapping import Unwrapping

TEN = timedelta(seconds=10)
ORGANISATIONS = {"police": "Police", "data-protection": "Data Protection", "court": "Court"}


@dataclass(frozen=True)
class Custodian:
    """With both halves of their keys."""

    name: str
    opening: OpeningKey = field(default_factory=keys.fresh)
    signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> CustodianKey:
        signing = self.signing.public_key().public_bytes_raw()
        return CustodianKey(self.name, self.opening.public, signing)


def custodians() -> list[Custodian]:
    return [Custodian(name) for name in ORGANISATIONS]


def terms(of: Iterable[Custodian], keep_hours: int = 72, **more: object) -> Terms:
    named = tuple(Named(ORGANISATIONS[one.name], str(one.key)) for one in of)
    return Terms(named, keep_hours, **more)  # type: ignore[arg-type] # reason and until


@dataclass(frozen=True)
class Town:
    """What a recorder and its house keep in the data folder."""

    data: Path
    of: list[Custodian] = field(default_factory=custodians)

    @property
    def keys(self) -> HourKeys:
        return HourKeys(self.data / hour_keys.FOLDER)

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.data / shelf.FOLDER)

    @property
    def unwrapping(self) -> Unwrapping:
        return Unwrapping(self.shelf, self.keys)

    def made(self, camera: str, since: datetime, content: bytes) -> Segment:
        hour = hour_of(since)
        of = Of(camera, since, since + TEN, "h264", "mp4", hour, terms(self.of).hash, "policy")
        return segment.sealed(of, content, [one.key for one in self.of], self.keys.public(hour))

    def record(self, camera: str, since: datetime, content: bytes = b"a street") -> Line:
        """One segment, as a recorder leaves it."""
        found, hour = self.made(camera, since, content), hour_of(since)
        there = self.shelf.at(camera, hour)
        there.mkdir(parents=True, exist_ok=True)
        file = shelf.name_of(since)
        durable.write(there / file, segment.encoded(found))
        line = shelf.line_of(found, file)
        shelf.append(there, line)
        return line

    def opened(self, camera: str, line: Line, by: Iterable[str] = ("police", "court")) -> bytes:
        """By the custodians of these names, with what the town hands out to them."""
        hour = hour_of(line.since)
        sealed = self.unwrapping.sealed_shares(camera, hour, line)
        found = self.shelf.segment(camera, hour, line.file)
        head = found.header
        shares = {}
        for n, one in enumerate(self.of):
            if one.name in by:
                info = segment.share_info(head.camera, head.since, head.terms, one.name)
                shares[n + 1] = one.opening.open(sealed[n], info)
        return segment.opened(found, sharing.combine(shares, head.commitments))
