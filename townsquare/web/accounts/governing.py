"""The page on which administrators say who comes in: people, organisations, machines.

Always holds: the policy is asked before anything is shown; a link and a token are shown once, in
the answer to the request that made them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.model.actor import Actor
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust.identity import account
from townsquare.trust.identity.account import ADMINISTRATOR, PERSON, Account
from townsquare.trust.identity.token import Wanted
from townsquare.trust.identity.types import OWNER
from townsquare.trust.policy import BREAK_GLASS, require
from townsquare.web.accounts.ceremony import require_person
from townsquare.web.accounts.people import People
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.pages import Pages
from townsquare.web.within import around

AFTER = RedirectResponse("/accounts", 303)


class Governing:
    def __init__(self, people: People, tokens: Tokens, pages: Pages) -> None:
        self.people = people
        self.tokens = tokens
        self.pages = pages

    def routes(self) -> list[Route]:
        acts = {
            "invite": self.invite,
            "roles": self.roles,
            "disable": self.disable,
            "enable": self.enable,
            "link": self.link,
            "erase": self.erase,
            "organisation": self.organisation,
            "token": self.token,
            "revoke": self.revoke,
        }
        doors = [Route(f"/accounts/{name}", act, methods=["POST"]) for name, act in acts.items()]
        return [Route("/accounts", self.page), *doors]

    async def page(self, request: Request) -> Response:
        if request.state.session is None:
            return RedirectResponse("/signin", 303)
        return self._page(self._by(request))

    def _by(self, request: Request) -> Actor:
        """Raises Denied for somebody who governs no accounts, and for all machines: the owner of
        this one could make themselves an account.
        """
        require_person(request)
        actor: Actor = request.state.actor
        through, why = actor.through(OWNER), request.state.why
        require(self.people.broker.grant(through, why, "write", PERSON))
        return actor

    def _page(self, by: Actor, shown: Mapping[str, str] | None = None) -> Response:
        people, now = self.people, self.people.broker.clock()
        page = self.pages.page(
            "accounts.html",
            inside=around(people.broker, by, accounts=True),
            me=by.id,
            people=[one for one in people.everyone() if one.status != "erased"],
            organisations=self._organisations(),
            tokens=[t for t in self.tokens.everyone() if t.status == "active" and t.until > now],
            roles=given(people.broker),
            machines=for_machines(people.broker),
            shown=shown,
            alone=_alone(people.everyone()),
            today=now.date(),
        )
        page.headers["cache-control"] = "no-store"
        return page

    # --- people

    async def invite(self, request: Request) -> Response:
        by, form = self._by(request), await request.form(max_files=0)
        one, text = account.invited(
            account.named(_text(form, "name")),
            _text(form, "organisation"),
            _chosen(form, given(self.people.broker)),
            _day(form, "until"),
            self.people.broker.clock(),
        )
        await self.people.add(one, by)
        return self._linked(by, one, text)

    async def link(self, request: Request) -> Response:
        by, id = self._by(request), await _id(request)
        text = ""

        def decided(before: Account) -> Account:
            nonlocal text
            after, text = account.relinked(before, self.people.broker.clock())
            return after

        one = await self.people.govern(id, decided, by)
        return self._linked(by, one, text)

    def _linked(self, by: Actor, one: Account, text: str) -> Response:
        link = self.people.site.link(f"/enrol#{text}")
        return self._page(by, {"for": one.kept.name, "link": link})

    async def roles(self, request: Request) -> Response:
        by, form = self._by(request), await request.form(max_files=0)
        roles = _chosen(form, given(self.people.broker))
        await self.people.govern(_text(form, "id"), lambda a: account.reroled(a, roles), by)
        return AFTER

    async def disable(self, request: Request) -> Response:
        by = self._by(request)
        await self.people.govern(await _id(request), account.disabled, by)
        return AFTER

    async def enable(self, request: Request) -> Response:
        by = self._by(request)
        await self.people.govern(await _id(request), account.enabled, by)
        return AFTER

    async def erase(self, request: Request) -> Response:
        by = self._by(request)
        await self.people.govern(await _id(request), account.erased, by)
        return AFTER

    async def organisation(self, request: Request) -> Response:
        by, form = self._by(request), await request.form(max_files=0)
        name = account.worded(_text(form, "name"))
        if name not in self._organisations():
            raise NotFound(f"nobody here is of {name}; invite somebody first")
        if name == by.organisation:
            raise Invalid("the end of your own organisation is for another administrator to set")
        await self.people.end_organisation(name, _day(form, "until"), by)
        await self.tokens.organisation_ends(name)
        return AFTER

    def _organisations(self) -> Mapping[str, datetime | None]:
        """Also those of which there are machines alone."""
        machines = sorted(t.organisation for t in self.tokens.everyone() if t.status == "active")
        return {**dict.fromkeys(machines), **self.people.organisations()}

    # --- machines

    async def token(self, request: Request) -> Response:
        by, form = self._by(request), await request.form(max_files=0)
        now = self.people.broker.clock()
        areas = frozenset(_text(form, "areas").replace(",", " ").split())
        wanted = Wanted(
            _text(form, "label"),
            _text(form, "organisation"),
            _chosen(form, for_machines(self.people.broker)),
            now + timedelta(days=_whole(form, "days")),
            areas,
        )
        one, text = await self.tokens.create(wanted, by)
        return self._page(by, {"for": one.label, "token": text})

    async def revoke(self, request: Request) -> Response:
        by = self._by(request)
        await self.tokens.revoke(await _id(request), by)
        return AFTER


def _alone(people: Iterable[Account]) -> bool:
    """Whether one lost device would lock everybody out for good."""
    administrators = [one for one in people if account.administers(one)]
    return len(administrators) == 1 and len(administrators[0].kept.passkeys) == 1


async def _id(request: Request) -> str:
    return _text(await request.form(max_files=0), "id")


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def given(broker: Broker) -> Mapping[str, str]:
    """Roles that an account can have, with their titles. Everybody is a citizen without one."""
    return {
        role.name: role.title
        for role in broker.policy.roles.values()
        if role.of == "the town" and role.name not in ("citizen", BREAK_GLASS)
    }


def for_machines(broker: Broker) -> Mapping[str, str]:
    return {name: title for name, title in given(broker).items() if name != ADMINISTRATOR}


def _chosen(form: FormData, known: Mapping[str, str]) -> frozenset[str]:
    roles = frozenset(map(str, form.getlist("roles")))
    if strange := roles.difference(known):
        raise Invalid(f"{min(strange)!r} is no role that can be given; known: {', '.join(known)}")
    return roles


def _day(form: FormData, name: str) -> datetime | None:
    """The end of that day; None where none is given. Raises Invalid."""
    text = _text(form, name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text[:40]!r} is no day such as 2027-12-31") from error
    return datetime.combine(day, time.max, UTC)


def _whole(form: FormData, name: str) -> int:
    text = _text(form, name)
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Invalid(f"{name} takes a whole number")
    return int(text)
