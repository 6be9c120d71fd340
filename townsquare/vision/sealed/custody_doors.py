"""Openings over HTTP: asked for by people of the town; checked, released and fetched by the clients
of custodians and of who asked, which sign each of their requests (`challenge.py`).

Always holds: what a client of a custodian or of an asker gets is noted in the log, with whom.
"""

import hashlib
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from townsquare.context.bodies import content
from townsquare.context.ledger import Said
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import Denied, Invalid
from townsquare.trust.seal.drill import Answer
from townsquare.trust.seal.handing import Handed
from townsquare.trust.seal.keys import CustodianKey, custodian_key
from townsquare.trust.seal.release import Release
from townsquare.trust.signet import Signet
from townsquare.vision.sealed import opening
from townsquare.vision.sealed.challenge import Asked, Challenges
from townsquare.vision.sealed.drills import Drills
from townsquare.vision.sealed.handing_on import HandingOn
from townsquare.vision.sealed.opening import Opening, Wish
from townsquare.vision.sealed.openings import Ask, Openings, summary
from townsquare.vision.sealed.types import OWNER

MOST_BODY = 8_000_000  # of a release of an hour
MOST_WISH = 8000
MOST_CLAIM = 65_536
MOST_SIGNED = 5  # of one opening: who exports again has another file
HEADERS = {"cache-control": "no-store"}
T = TypeVar("T")
EXAMPLE = (
    '{"camera": "square", "since": "2026-11-23T09:00:00Z", "until": "2026-11-23T09:20:00Z",'
    ' "case": "2026-17", "key": "NAME+THUMBPRINT+BASE64"}'
)


@dataclass(frozen=True, slots=True)
class CustodyDoors:
    openings: Openings
    challenges: Challenges
    ask: Ask
    signet: Signet
    drills: Drills
    signed: Counter[str] = field(default_factory=Counter)  # manifests, by opening

    def routes(self) -> list[Route]:
        each = "/custody/openings/{id}"
        return [
            Route("/sealed/openings", self.wish, methods=["POST"]),
            Route("/custody/challenge", self.challenge),
            Route("/custody/openings", self.waiting),
            Route("/custody/hand-on", self.hand_on, methods=["POST"]),
            Route("/custody/hand-on/{after}", self.to_hand_on),
            Route("/custody/drill", self.drill),
            Route("/custody/drill", self.drilled, methods=["POST"]),
            Route(each, self.one),
            Route(f"{each}/shares", self.shares),
            Route(f"{each}/release", self.release, methods=["POST"]),
            Route(f"{each}/footage", self.footage),
            Route(f"{each}/footage/{{hour}}/{{file}}", self.segment),
            Route(f"{each}/certificates", self.certificates),
            Route(f"{each}/manifest", self.manifest, methods=["POST"]),
        ]

    async def wish(self, request: Request) -> Response:
        wish = _decoded(await content(request, MOST_WISH), Wish, EXAMPLE)
        id = await self.openings.ask(wish, request.state.actor, self.ask)
        return JSONResponse({"approval": id}, 201, {"location": f"/approvals/{id}"})

    async def challenge(self, _: Request) -> Response:
        return JSONResponse({"challenge": self.challenges.fresh()}, headers=HEADERS)

    async def waiting(self, request: Request) -> Response:
        key = await self._custodian(request, b"")
        found = await self.openings.waiting_for(key.name)
        return JSONResponse([summary(one) for one in found], headers=HEADERS)

    async def one(self, request: Request) -> Response:
        """For the client of who asked: how it stands."""
        return JSONResponse(summary(await self._asker(request)), headers=HEADERS)

    async def shares(self, request: Request) -> Response:
        key = await self._custodian(request, b"")
        one = await self.openings.of(request.path_params["id"])
        told = await self.openings.told(one, key.name)
        await self._note(one, key, "their sealed shares, to be released")
        return JSONResponse(told, headers=HEADERS)

    async def release(self, request: Request) -> Response:
        body = await content(request, MOST_BODY)
        key = await self._custodian(request, body)
        one = await self.openings.of(request.path_params["id"])
        told = _decoded(body, Release, "what townsquare custodian release sends")
        after = await self.openings.release(one, told, key)
        await self._note(one, key, f"released {len(told.shares)} segments")
        return JSONResponse(summary(after), headers=HEADERS)

    async def footage(self, request: Request) -> Response:
        one = await self._asker(request)
        told = await self.openings.told(one)
        await self._note(one, custodian_key(one.key), "headers, proofs and what was released")
        await self.openings.deliver(one)
        return JSONResponse(told, headers=HEADERS)

    async def segment(self, request: Request) -> Response:
        one = await self._asker(request)
        hour, file = request.path_params["hour"], request.path_params["file"]
        path = self.openings.raw(one, hour, file)
        return _Segment(path, headers=HEADERS, media_type="application/octet-stream")

    async def certificates(self, request: Request) -> Response:
        await self._asker(request)
        return PlainTextResponse(self.signet.chain, headers=HEADERS)

    async def manifest(self, request: Request) -> Response:
        """Seals the claim of an export, of which the town knows the sum only."""
        body = await content(request, MOST_CLAIM)
        one = await self._asker(request, body)
        if self.signed[one.id] >= MOST_SIGNED:
            raise Denied(f"{MOST_SIGNED} manifests of this opening are sealed already")
        self.signed[one.id] += 1
        sum = hashlib.sha256(body).hexdigest()
        await self._note(one, custodian_key(one.key), f"sealed a manifest of sum {sum}")
        return Response(self.signet.sign(body), headers=HEADERS)

    async def drill(self, request: Request) -> Response:
        key = await self._custodian(request, b"")
        return JSONResponse(await self.drills.told(key.name), headers=HEADERS)

    async def drilled(self, request: Request) -> Response:
        body = await content(request, MOST_CLAIM)
        key = await self._custodian(request, body)
        answer = _decoded(body, Answer, "what townsquare custodian answer sends")
        after = await self.drills.answer(answer, key)
        return JSONResponse({"status": after.value("status")}, headers=HEADERS)

    async def to_hand_on(self, request: Request) -> Response:
        key = await self._leaving(request, b"")
        told = await HandingOn(self.openings).waiting(key, request.path_params["after"])
        return JSONResponse(told, headers=HEADERS)

    async def hand_on(self, request: Request) -> Response:
        body = await content(request, MOST_BODY)
        key = await self._leaving(request, body)
        told = _decoded(body, Handed, "what townsquare custodian hand-on sends")
        number = await HandingOn(self.openings).take(told, key)
        return JSONResponse({"handed": number}, headers=HEADERS)

    # --- who asks

    async def _leaving(self, request: Request, body: bytes) -> CustodianKey:
        """Of terms that are over. Raises Denied."""
        name = request.headers.get("townsquare-custodian", "")
        refused = Denied(f"{name[:60]!r} is no custodian who left")
        for key in await HandingOn(self.openings).leaving(name):
            try:
                self._require(key, request, body)
            except Denied as error:
                refused = error
            else:
                return key
        raise refused

    async def _custodian(self, request: Request, body: bytes) -> CustodianKey:
        """Raises Denied or NotFound."""
        key = await self.openings.custodian(request.headers.get("townsquare-custodian", ""))
        self._require(key, request, body)
        return key

    async def _asker(self, request: Request, body: bytes = b"") -> Opening:
        """Raises Denied or NotFound."""
        one = await self.openings.of(request.path_params["id"])
        self._require(custodian_key(one.key), request, body)
        return one

    def _require(self, key: CustodianKey, request: Request, body: bytes) -> None:
        try:
            signature = b64decode(request.headers.get("townsquare-signature", ""), validate=True)
        except ValueError as error:
            raise Denied("the signature is no base64") from error
        challenge = request.headers.get("townsquare-challenge", "")
        asked = Asked(challenge, request.method, request.url.path, body)
        self.challenges.require(key, asked, signature)

    async def _note(self, one: Opening, key: CustodianKey, what: str) -> None:
        by = Actor(f"machine:client-of-{key.name}", "machine", room=OWNER)
        why = Why(opening.PURPOSE, one.case)
        said = Said(what, "agreed to as this opening", (one.organisation or key.name,))
        await self.openings.broker.ledger.note(one.id, "disclosure", by, why, said)


class _Segment(FileResponse):
    """In few pieces, as each of them is a turn of a thread."""

    chunk_size = 1 << 20


def _decoded(body: bytes, type: type[T], example: str) -> T:
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.DecodeError as error:
        raise Invalid(f"the body must be like {example}: {error}") from error
