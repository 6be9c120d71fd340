"""A custodian who leaves hands on their shares to who follows, so that footage of before stays
openable by two.

Always holds: who follows is the one custodian by the terms in force who was none before, and of no
organisation that holds another share; what is handed on is sealed to them, and enveloped by the key
of the hour or of the hold as before, so that it ends with that; each portion is an entry of the
log.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json, urn
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.trust.identity.organisation import folded
from townsquare.trust.seal import handing, segment
from townsquare.trust.seal.handing import Handed
from townsquare.trust.seal.keys import CustodianKey, NotOpened
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed.openings import Openings
from townsquare.vision.sealed.shelf import HANDED
from townsquare.vision.sealed.types import OWNER, TERMS

AT_ONCE = 200  # segments of a portion
START = "start"
WHY = Why("operations")


@dataclass(frozen=True, slots=True)
class Place:
    """A segment, and the number of the share in it, from 0."""

    camera: str
    hour: str
    line: Line
    index: int

    @property
    def name(self) -> str:
        return f"{self.camera}:{self.hour}:{self.line.file}"


@dataclass(frozen=True, slots=True)
class HandingOn:
    openings: Openings

    @property
    def broker(self) -> Broker:
        return self.openings.broker

    async def leaving(self, name: str) -> list[CustodianKey]:
        """Keys of this name by terms that are not in force any more."""
        there = {one.public.thumbprint for one in (await self.openings.in_force()).custodians}
        known = [o.public for t in (await self.openings.terms()).values() for o in t.custodians]
        keys = {k.thumbprint: k for k in known if k.name == name and k.thumbprint not in there}
        return [*keys.values()]

    async def successor(self, key: CustodianKey) -> tuple[CustodianKey, str]:
        """Who follows, and of which organisation. Raises Denied."""
        now, of = await self.openings.in_force(), await self._terms_of(key)
        if not of:
            raise Denied(f"{key.name!r} was no custodian")
        known = {o.key.strip() for old, _ in of.values() for o in old.custodians}
        new = [one for one in now.custodians if one.key.strip() not in known]
        if len(new) != 1:
            raise Denied(f"by the terms in force {len(new)} follow {key.name!r}; it takes just one")
        (follows,) = new
        others = {
            folded(one.organisation)
            for old, place in of.values()
            for n, one in enumerate(old.custodians)
            if n != place
        }
        if folded(follows.organisation) in others:
            raise Denied(f"{follows.organisation} holds another share of that footage")
        return follows.public, follows.organisation

    async def waiting(self, key: CustodianKey, after: str) -> Json:
        """A portion of what is to be handed on, behind the segment that `after` names."""
        follows, organisation = await self.successor(key)
        of = await self._terms_of(key)
        found = await asyncio.to_thread(lambda: [*islice(self._places(of, after), AT_ONCE)])
        told = await asyncio.to_thread(lambda: [self._told(place) for place in found])
        return {"successor": str(follows), "organisation": organisation, "segments": told}

    async def take(self, handed: Handed, key: CustodianKey) -> int:
        """How many were handed on. Raises Denied or Invalid."""
        handing.require(handed, key)
        follows, _ = await self.successor(key)
        if handed.successor.strip() != str(follows):
            raise Denied(
                f"{handed.successor.partition('+')[0][:60]!r} does not follow by the terms"
            )
        of = await self._terms_of(key)
        number = await asyncio.to_thread(self._laid, handed, follows, of)
        by = Actor(f"machine:client-of-{key.name}", "machine", room=OWNER)
        what = f"handed on {number} shares from key {key.thumbprint} to {follows.thumbprint}"
        said = Said(what, "by the terms in force", (follows.name,))
        hash = (await self.openings.in_force()).hash
        await self.broker.ledger.note(urn(TERMS, hash), "disclosure", by, WHY, said)
        return number

    # --- what lies on the shelf

    async def _terms_of(self, key: CustodianKey) -> dict[str, tuple[Terms, int]]:
        """Those that are over and name this key, with its place, by hash."""
        now, found = await self.openings.in_force(), dict[str, tuple[Terms, int]]()
        for hash, terms in (await self.openings.terms()).items():
            keys = [one.public.thumbprint for one in terms.custodians]
            if hash != now.hash and key.thumbprint in keys:
                found[hash] = terms, keys.index(key.thumbprint)
        return found

    def _places(self, of: Mapping[str, tuple[Terms, int]], after: str) -> Iterator[Place]:
        shelf, done = self.openings.shelf, () if after == START else _parted(after)
        for camera in shelf.cameras():
            for hour in shelf.hours(camera):
                for line in sorted(shelf.lines(camera, hour), key=lambda one: one.file):
                    if (camera, hour, line.file) > done and (
                        place := self._place(of, camera, hour, line)
                    ):
                        yield place

    def _place(
        self, of: Mapping[str, tuple[Terms, int]], camera: str, hour: str, line: Line
    ) -> Place | None:
        try:
            header = self.openings.shelf.head(camera, hour, line.file).header
            if header.terms not in of:
                return None
            index = of[header.terms][1]
            shares = self.openings.unwrapping.sealed_shares(camera, hour, line)
        except (NotFound, NotOpened, Invalid):
            return None  # its time is over, or it is damaged
        return None if handing.told(shares[index])[0] else Place(camera, hour, line, index)

    def _told(self, place: Place) -> Json:
        openings = self.openings
        head = openings.shelf.head(place.camera, place.hour, place.line.file)
        shares = openings.unwrapping.sealed_shares(place.camera, place.hour, place.line)
        return {
            "name": place.name,
            "header": b64encode(head.told).decode(),
            "share": b64encode(shares[place.index]).decode(),
            "index": place.index,
        }

    def _laid(
        self, handed: Handed, follows: CustodianKey, of: Mapping[str, tuple[Terms, int]]
    ) -> int:
        number = 0
        for name, share in handed.shares.items():
            camera, hour, file = _parted(name)
            lines = self.openings.shelf.lines(camera, hour)
            line = next((one for one in lines if one.file == file), None)
            if line and (place := self._place(of, camera, hour, line)):
                self._lay(place, handing.marked(follows.name, b64decode(share)))
                number += 1
        return number

    def _lay(self, place: Place, share: bytes) -> None:
        """Under each key that envelopes it now."""
        shelf, unwrapping = self.openings.shelf, self.openings.unwrapping
        keys, at = unwrapping.keys, (place.camera, place.hour, place.line.file)
        shares: Sequence[bytes] = unwrapping.sealed_shares(place.camera, place.hour, place.line)
        shares = [share if n == place.index else one for n, one in enumerate(shares)]
        head = shelf.head(*at)
        for hold in shelf.held(*at):
            if keys.has(hold):
                envelope = segment.enveloped(head, shares, keys.public(hold)).envelope
                shelf.hold(*at, hold, envelope)
        if keys.has(place.hour):
            envelope = segment.enveloped(head, shares, keys.public(place.hour)).envelope
            shelf.hold(*at, HANDED, envelope)


def _parted(name: str) -> tuple[str, str, str]:
    """Raises Invalid."""
    parts = name.split(":")
    if len(parts) != 3:
        raise Invalid(f"{name[:80]!r} is no segment, such as square:2026-11-23T09:1-000000.seal")
    return parts[0], parts[1], parts[2]
