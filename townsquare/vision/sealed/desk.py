"""Where a recorder seals what its cameras sent, and lays it on the shelf.

Always holds: a segment is durable before it is listed, and listed before it is told; what could not
be kept leaves nothing behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from townsquare.model.errors import Invalid
from townsquare.trust.seal import segment
from townsquare.trust.seal.keys import CustodianKey, SealingKey
from townsquare.trust.seal.segment import Of, Segment
from townsquare.vision.sandbox import Confined
from townsquare.vision.sealed import durable, shelf
from townsquare.vision.sealed.cutting import Piece
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.recorded import Kept, Lack, Said
from townsquare.vision.sealed.sizes import Sizes


class NotKept(Exception):
    """A piece that could not be laid on the shelf."""

    def __init__(self, lack: Lack, told: str) -> None:
        super().__init__(told)
        self.lack: Lack = lack


@dataclass(slots=True)
class Desk:
    """What the threads of all cameras share. Keys and policy are renewed by the house."""

    folder: Path
    custodians: tuple[CustodianKey, ...]
    terms: str
    policy: str
    keys: dict[str, SealingKey]
    confined: Confined
    tell: Callable[[Said], None]

    def keep(
        self, piece: Piece, camera: str, span: tuple[datetime, datetime], sizes: Sizes
    ) -> Kept:
        """Raises NotKept."""
        (since, until), hour = span, hour_of(span[0])
        if hour not in self.keys:
            raise NotKept("key", f"there is no key of the hour {hour}")
        try:
            content = piece.closed()
        except Invalid as error:
            raise NotKept("camera", str(error)) from error
        of = Of(camera, since, until, piece.codec, piece.container, hour, self.terms, self.policy)
        sizes.used(segment.size_class(len(content)))
        sealed = segment.sealed(of, content, self.custodians, self.keys[hour], sizes.least())
        try:
            return self._laid(sealed, self.folder / camera / hour)
        except OSError as error:
            raise NotKept("disk", f"the disk takes no more: {error.strerror}") from error

    def _laid(self, sealed: Segment, there: Path) -> Kept:
        there.mkdir(parents=True, exist_ok=True)
        header = sealed.header
        file = shelf.name_of(header.since)
        raw = segment.encoded(sealed)
        unfinished = there / f".{file}"
        try:
            durable.write(unfinished, raw)
            unfinished.replace(there / file)
            durable.settled(there)
            line = shelf.line_of(sealed, file)
            shelf.append(there, line)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        return Kept(header.camera, header.hour, file, line.digest, line.since, line.until, len(raw))
