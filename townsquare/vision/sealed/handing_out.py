"""What the house hands out of the segments of an opening: headers and sealed shares, no ciphertext.

Always holds: a segment that is not as it was listed is handed to nobody; it is told as damaged,
with why, and the others are handed out.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from townsquare.model.entity import Json, iso
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.trust.seal import handing, segment
from townsquare.trust.seal.listing import Line
from townsquare.trust.seal.segment import Segment
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.unwrapping import Unwrapping

AT_ONCE = 2  # segments that are read, of one opening
Found = Sequence[tuple[str, Line]]


@dataclass(frozen=True, slots=True)
class Told:
    """`damaged` has why, and when it was; `lines` are of what is whole."""

    whole: list[dict[str, Json]]
    damaged: list[dict[str, Json]]
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class HandingOut:
    shelf: Shelf
    unwrapping: Unwrapping

    async def told(
        self, camera: str, found: Found, terms: Mapping[str, Terms], custodian: str
    ) -> Told:
        """To a custodian with their shares. Raises NotFound where nothing is whole, and Denied."""
        room = asyncio.Semaphore(AT_ONCE)

        async def of(hour: str, line: Line) -> dict[str, Json]:
            async with room:
                return await asyncio.to_thread(self._each, camera, hour, line, custodian, terms)

        each = await asyncio.gather(*(of(hour, line) for hour, line in found))
        told = Told([], [], [])
        for (_, line), one in zip(found, each, strict=True):
            if "why" in one:
                told.damaged.append(one)
            else:
                told.whole.append(one)
                told.lines.append(line)
        if not told.whole:
            raise NotFound(str(told.damaged[0]["why"]) if found else "nothing is kept of that time")
        return told

    def is_whole(self, camera: str, hour: str, line: Line) -> bool:
        try:
            self._intact(camera, hour, line)
        except (NotFound, Invalid, OSError):
            return False
        return True

    def _each(
        self, camera: str, hour: str, line: Line, custodian: str, terms: Mapping[str, Terms]
    ) -> dict[str, Json]:
        told: dict[str, Json] = {"hour": hour, "file": line.file, "digest": line.digest}
        try:
            found, sum, shares = self._intact(camera, hour, line)
        except (NotFound, Invalid, OSError) as error:  # a disk that cannot be read, too
            return {**told, "since": iso(line.since), "until": iso(line.until), "why": str(error)}
        told |= {"header": b64encode(found.told).decode(), "ciphertextSum": sum.hex()}
        handed = {to: n for n, share in enumerate(shares) if (to := handing.told(share)[0])}
        if custodian in handed:
            handed = {custodian: handed[custodian]}
            told["share"] = b64encode(handing.told(shares[handed[custodian]])[1]).decode()
        elif custodian:
            index = _index(terms, found.header.terms, custodian)
            told["share"] = b64encode(handing.told(shares[index])[1]).decode()
        return {**told, "handed": handed}

    def _intact(self, camera: str, hour: str, line: Line) -> tuple[Segment, bytes, list[bytes]]:
        """Without its ciphertext, the sum of that, and its sealed shares. Raises NotFound or
        Invalid.
        """
        found, sum = self.shelf.summed(camera, hour, line.file)
        if segment.digest(found.told, sum) != line.digest:
            raise Invalid(f"{line.file} is damaged: it is not what the log has")
        return found, sum, self.unwrapping.sealed_shares(camera, hour, line)


def _index(terms: Mapping[str, Terms], hash: str, custodian: str) -> int:
    """Of this custodian's share under these terms. Raises Denied."""
    names = [one.name for one in terms[hash].custodians] if hash in terms else []
    if custodian not in names:
        raise Denied(f"{custodian!r} was no custodian when this was recorded")
    return names.index(custodian)
