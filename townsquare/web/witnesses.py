"""Asks witnesses outside the town hall to cosign the log (C2SP tlog-witness, add-checkpoint).

A witness that cosigns has seen this tree and that it contains all that it cosigned before. What a
witness shows that we signed, and that is not so here, proves that the log was tampered with.
"""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from townsquare.context import outgoing
from townsquare.model.errors import Denied, Invalid
from townsquare.trust import note as notes
from townsquare.trust import tlog
from townsquare.trust.log import Broken, Log

LONGEST_S = 5.0  # for an answer
MOST_BYTES = 16_384
TYPE = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Witness:
    """[[witness]] in townsquare.toml."""

    name: str
    url: str  # in front of /add-checkpoint
    key: str  # verifier key of its cosignatures

    def __post_init__(self) -> None:
        notes.key(self.key, notes.COSIGNATURE)
        url = urlsplit(self.url)
        if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
            raise Invalid(f"url {self.url!r} of the witness {self.name!r} must be like https://…")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def verifier(self) -> notes.Key:
        return notes.key(self.key, notes.COSIGNATURE)


class Witnesses:
    """`trouble` says by name why one did not cosign the last time it was asked."""

    def __init__(self, log: Log, client: httpx.AsyncClient, known: Sequence[Witness]) -> None:
        self.known = known
        self.trouble: dict[str, str] = {}
        self._log = log
        self._client = client
        self._seen: dict[str, int] = {}  # size that each cosigned last
        self._last: dict[str, datetime] = {}
        self.answered: list[datetime] = []  # the times that they told when last asked

    def last(self) -> dict[str, datetime | None]:
        """When each cosigned, as far as is known here: what is published may lack it since."""
        note = self._log.published
        return {
            w.name: self._last.get(w.name) or notes.cosigned(note, w.verifier) for w in self.known
        }

    async def cosign(self, note: str) -> str:
        """The note with the cosignatures of those who answer in time. Raises Broken."""
        self.answered = []
        lines = await asyncio.gather(*(self._asked(witness, note) for witness in self.known))
        return note + "".join(lines)

    async def _asked(self, witness: Witness, note: str) -> str:
        try:
            found = await self._cosigned(witness, note)
        except (httpx.HTTPError, Denied) as error:
            self.trouble[witness.name] = f"cannot be asked: {error}"[:200]
            return ""
        if found:
            self.trouble.pop(witness.name, None)
        return found

    async def _cosigned(self, witness: Witness, note: str) -> str:
        answer = await self._add(witness, note, self._seen.get(witness.name, 0))
        size = _size(answer)
        if size is not None:
            self._seen[witness.name] = size
            if size <= self._signed_size():
                answer = await self._add(witness, note, size)
        if answer.status == httpx.codes.OK:
            return self._line(witness, note, answer.body.decode(errors="replace"))
        await self._require_no_contradiction(witness)
        self.trouble[witness.name] = f"refused with {answer.status}"
        return ""

    def _line(self, witness: Witness, note: str, lines: str) -> str:
        key = witness.verifier
        signature = key.signature(lines)
        at = notes.cosigned(note, key, lines)
        if signature is None or at is None:
            self.trouble[witness.name] = "answered with a cosignature that does not verify"
            return ""
        self._seen[witness.name], self._last[witness.name] = self._signed_size(), at
        self.answered.append(at)
        return notes.line(key, signature)

    async def _add(self, witness: Witness, note: str, old: int) -> outgoing.Fetched:
        proof = self._log.consistency(old, self._signed_size())
        hashes = "".join(f"{base64.b64encode(hash).decode()}\n" for hash in proof)
        body = f"old {old}\n{hashes}\n{note}"
        url = f"{witness.url.rstrip('/')}/add-checkpoint"
        request = self._client.build_request("POST", url, content=body, headers=TYPE)
        return await outgoing.ask(self._client, request, MOST_BYTES, LONGEST_S)

    async def _require_no_contradiction(self, witness: Witness) -> None:
        """Raises Broken where the witness has something signed by us that is not so here."""
        origin = hashlib.sha256(self._log.key.name.encode()).hexdigest()
        request = self._client.build_request(
            "GET", f"{witness.url.rstrip('/')}/{origin}/checkpoint"
        )
        answer = await outgoing.ask(self._client, request, MOST_BYTES, LONGEST_S)
        seen = notes.checkpoint(answer.body.decode(errors="replace"), self._log.key)
        if seen is None:
            return
        if seen.size > self._log.tiles.size:
            raise Broken(
                f"the witness {witness.name} has our checkpoint of {seen.size} entries;"
                f" there are {self._log.tiles.size}: the log was put back to an earlier state"
            )
        if seen.root != tlog.root(seen.size, self._log.tiles.hashes):
            raise Broken(
                f"the witness {witness.name} has our checkpoint of {seen.size} entries;"
                " these are others: the log was changed"
            )

    def _signed_size(self) -> int:
        return self._log.signed.size if self._log.signed else 0


def _size(answer: outgoing.Fetched) -> int | None:
    """That the witness cosigned last, where it says that we are wrong about it."""
    text = answer.body.decode(errors="replace").strip()
    if answer.status != httpx.codes.CONFLICT or not text.isdecimal() or len(text) > 18:
        return None
    return int(text)
