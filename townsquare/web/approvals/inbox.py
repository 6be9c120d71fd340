"""The inbox of those who approve, and how programs and pages ask.

Always holds: what is shown is all that is signed; nothing is approved without a passkey.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.entity import Json, iso
from townsquare.model.errors import NotFound
from townsquare.model.texts import later
from townsquare.trust import approvals
from townsquare.trust.approval_entity import APPROVAL, OWNER
from townsquare.trust.approvals import Approval
from townsquare.trust.policy import require
from townsquare.web.accounts.ceremony import wished
from townsquare.web.approvals.book import Book
from townsquare.web.pages import Pages
from townsquare.web.within import around

STATUSES = (later("waiting"), later("refused"), later("used"))


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    act: str
    subject: str
    detail: dict[str, Any] = {}


class Agreement(msgspec.Struct, forbid_unknown_fields=True):
    credential: Json


class Refusal(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


class Inbox:
    def __init__(self, book: Book, pages: Pages) -> None:
        self.book = book
        self.pages = pages

    def routes(self) -> list[Route]:
        return [
            Route("/approvals", self.page),
            Route("/approvals", self.ask, methods=["POST"]),
            Route("/approvals/{id}", self.one),
            Route("/approvals/{id}/options", self.options, methods=["POST"]),
            Route("/approvals/{id}/approve", self.approve, methods=["POST"]),
            Route("/approvals/{id}/refuse", self.refuse, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        if request.state.session is None:
            return RedirectResponse("/signin", 303)
        by = self._by(request)
        page = self.pages.page(
            "approvals.html",
            inside=around(self.book.broker, by, accounts=not self.pages.demo),
            waiting=self._seen(await self.book.waiting(), request),
            ended=self._seen(await self.book.ended(), request),
            keep_days=self.book.settings.keep_days,
        )
        page.headers["cache-control"] = "no-store"
        return page

    async def ask(self, request: Request) -> Response:
        wish = await wished(request, Wish)
        one = await self.book.wish(wish.act, wish.subject, wish.detail, self._by(request))
        return JSONResponse(told(one), 201, {"location": f"/approvals/{one.id}"})

    async def one(self, request: Request) -> Response:
        one = await self.book.of(request.path_params["id"])
        if not (one.request.requested_by == self._by(request).id or self._reads(request)):
            raise NotFound(f"{one.id} is no request for approval of yours")
        return JSONResponse(told(one))

    async def options(self, request: Request) -> Response:
        by, one = self._by(request), await self.book.of(request.path_params["id"])
        self.book.require_approver(one, by)
        return JSONResponse(self.book.options(one))

    async def approve(self, request: Request) -> Response:
        wish = await wished(request, Agreement)
        id = request.path_params["id"]
        return JSONResponse(told(await self.book.approve(id, wish.credential, self._by(request))))

    async def refuse(self, request: Request) -> Response:
        wish = await wished(request, Refusal)
        id = request.path_params["id"]
        return JSONResponse(told(await self.book.refuse(id, wish.reason, self._by(request))))

    def _by(self, request: Request) -> Actor:
        """Raises Denied for somebody whom requests are nothing to."""
        actor: Actor = request.state.actor
        through, why = actor.through(OWNER), request.state.why
        require(self.book.broker.grant(through, why, "write", APPROVAL))
        return actor

    def _reads(self, request: Request) -> bool:
        """Else they see what they asked for themselves: one party's case is not the other's."""
        actor, why = request.state.actor, request.state.why
        return self.book.broker.grant(actor, why, "read", APPROVAL).allowed

    def _seen(self, found: list[Approval], request: Request) -> list[Json]:
        by, reads = self._by(request), self._reads(request)
        return [self._shown(one, by) for one in found if reads or one.request.requested_by == by.id]

    def _shown(self, one: Approval, by: Actor) -> Json:
        kind = self.book.acts.get(one.request.act)
        return {
            **told(one),
            "title": kind.title if kind else one.request.act,
            "asker": self.book.named(one.request.requested_by),
            "at": self.pages.town.local(one.request.requested_at),
            "until": self.pages.town.local(one.request.expires_at),
            "own": one.request.requested_by == by.id,
            "answers": kind is not None and not by.roles.isdisjoint(kind.approvers),
            "ended": self.book.broker.clock() >= one.request.expires_at,
        }


def told(one: Approval) -> dict[str, Json]:
    request = one.request
    return {
        "id": one.id,
        "act": request.act,
        "subject": request.subject,
        "detail": dict(request.detail),
        "requestedBy": request.requested_by,
        "organisation": one.organisation,
        "requestedAt": iso(request.requested_at),
        "expiresAt": iso(request.expires_at),
        "nonce": request.nonce,
        "digest": approvals.digest(request).hex(),
        "needed": one.needed,
        "approvedBy": [{"by": s.by, "organisation": s.organisation} for s in one.signatures],
        "status": one.status,
        "reason": one.reason,
    }
