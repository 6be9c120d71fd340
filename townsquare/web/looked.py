"""Who looked, and what else was done: the log as data protection reads it, page by page.

Always holds: it is read through the ledger, so a search is an entry itself, with the reason that
was given for it; there is no page without a reason.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import get_args

from msgspec.structs import replace
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.context.ledger import MOST_FOUND, LogSearch, Read
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import Invalid
from townsquare.model.town import Town
from townsquare.trust import proven
from townsquare.trust.audit import ENTRY, Verb
from townsquare.trust.log import Log
from townsquare.trust.policy import require
from townsquare.web import retold
from townsquare.web.accounts.people import People
from townsquare.web.extract import extract
from townsquare.web.naming import Naming
from townsquare.web.pages import Pages
from townsquare.web.retold import VERBS, Language
from townsquare.web.within import around

FIELDS = ("by", "subject", "verb", "purpose", "case", "since", "until", "below", "reason")
EACH = 200  # entries a page
MOST_HANDED_OUT = MOST_FOUND  # the newest of a search
ARCHIVE = {
    "content-disposition": 'attachment; filename="log.zip"',
    "cache-control": "no-store",
}


class Looked:
    def __init__(self, people: People, pages: Pages, log: Log) -> None:
        self.people = people
        self.log = log
        self.broker = people.broker
        self.pages = pages
        self.naming = Naming(people, demo=pages.demo)

    def routes(self) -> list[Route]:
        return [
            Route("/who-looked", self.ask),
            Route("/who-looked", self.found, methods=["POST"]),
            Route("/who-looked/export", self.handed_out, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        if request.state.session is None:
            return RedirectResponse("/signin", 303)
        self._require(request)
        return self._page(request, {}, {})

    async def found(self, request: Request) -> Response:
        by, why = self._require(request)
        asked = self._asked(await request.form(max_files=0))
        if not asked["reason"]:
            raise Invalid("say why you search the log; the reason becomes an entry of it")
        search = replace(wanted(asked, self.pages.town), limit=MOST_FOUND)
        found = await self.broker.ledger.read(search, by, why, asked["reason"])
        return self._page(request, asked, await self._told(found, by, why))

    async def _told(self, found: list[Read], by: Actor, why: Why) -> Mapping[str, object]:
        """A page of them, and all of them by day."""
        page, town = found[:EACH], self.pages.town
        named = await self.naming.of(page, by, why)
        language = Language(named, lambda id: self.naming.actor(id, named), self.naming.words)
        days = retold.days(found, town)
        return {
            "groups": retold.groups(page, language, town),
            "number": len(page),
            "below": page[-1].index if len(found) > EACH else None,
            "days": days,
            "whole": len(found) < MOST_FOUND and sum(day.total for day in days) == len(found),
            "counted": sum(day.total for day in days),
        }

    async def handed_out(self, request: Request) -> Response:
        """With proofs, for whoever is named: that it was handed out to them is an entry."""
        by, why = self._require(request)
        proven.top(self.log)
        form = await request.form(max_files=0)
        asked, to = self._asked(form), str(form.get("recipients", "")).strip()
        search = replace(wanted(asked, self.pages.town), limit=MOST_HANDED_OUT)
        recipients = [to] if to else []
        found = await self.broker.ledger.disclose(search, by, why, asked["reason"], recipients)
        given = {name: text for name, text in asked.items() if text} | {"recipients": to}
        return Response(extract(self.log, found, given), 200, ARCHIVE, "application/zip")

    def _require(self, request: Request) -> tuple[Actor, Why]:
        """Raises Denied for somebody whom the log is not open to."""
        actor, why = request.state.actor, request.state.why
        require(self.broker.grant(actor, why, "read", ENTRY.name))
        return actor, why

    def _asked(self, form: FormData) -> dict[str, str]:
        asked = {name: str(form.get(name, "")).strip() for name in FIELDS}
        return asked | {"by": self._id(asked["by"])}

    def _id(self, who: str) -> str:
        """A name stands for the account that has it, and everything else for itself."""
        named = [one.id for one in self.people.everyone() if one.kept.name == who]
        return named[0] if who and named else who

    def _page(
        self, request: Request, asked: Mapping[str, str], told: Mapping[str, object]
    ) -> Response:
        by: Actor = request.state.actor
        names = {one.id: one.kept.name for one in self.people.everyone() if one.kept.name}
        page = self.pages.page(
            "looked.html",
            inside=around(self.broker, by, accounts=not self.pages.demo),
            asked={**dict.fromkeys(FIELDS, ""), **asked},
            told=told,
            names=names,
            verbs=VERBS,
            purposes=self.broker.policy.purposes.names,
        )
        page.headers["cache-control"] = "no-store"
        return page


def wanted(asked: Mapping[str, str], town: Town) -> LogSearch:
    """Days are the town's, the last one with all its hours. Raises Invalid."""
    if asked["verb"] not in ("", *get_args(Verb)):
        raise Invalid(f"{asked['verb'][:40]!r} is nothing that is done; choose one of the list")
    below = asked["below"]
    if below and not (below.isascii() and below.isdigit() and len(below) < 16):
        raise Invalid("the page that was asked for is no number")
    return LogSearch(
        since=_midnight(asked["since"], town),
        until=_midnight(asked["until"], town, days=1),
        by=asked["by"],
        subject=asked["subject"],
        verb=asked["verb"],
        purpose=asked["purpose"],
        case=asked["case"],
        below=int(below) if below else None,
        limit=EACH,
    )


def _midnight(day: str, town: Town, days: int = 0) -> datetime | None:
    if not day:
        return None
    try:
        noon = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=12)
        return town.midnight(noon + timedelta(days=days))
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{day[:40]!r} is no day such as 2030-06-01") from error
