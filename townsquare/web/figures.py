"""How often the town's people and programs looked and changed, for everyone: numbers by month, and
how the log that counts them stands.

Always holds: they are counted by the log itself, by purpose and by what was done, and name nobody.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.context.ledger import LogCount
from townsquare.model import sheet
from townsquare.trust.identity.recovery import RECOVERY
from townsquare.vision.clear.view import CLEAR, Sum, sums
from townsquare.vision.sealed import opening
from townsquare.vision.sealed.custody_types import OPENING
from townsquare.vision.sealed.drill_types import DRILL
from townsquare.vision.sealed.types import HOLD
from townsquare.web.accounts import kept
from townsquare.web.notary import Notary
from townsquare.web.pages import Pages
from townsquare.web.retold import VERBS
from townsquare.web.standing import standing

CACHED = {"cache-control": "public, max-age=60"}
COLUMNS = ("month", "purpose", "act", "number")
OPENING_COLUMNS = ("month", "purpose", "opened", "refused", "emergencies")
PASSED = ("recovery", "passed")
CLEAR_COLUMNS = ("month", "purpose", "views", "minutes")


class Figure(Struct, frozen=True):
    """Of one month and purpose: how many entries in all, and of which act how many."""

    month: str
    purpose: str
    total: int
    acts: tuple[tuple[str, int], ...]


def figures(counts: Iterable[LogCount]) -> list[Figure]:
    """Newest month first."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for kind, number in counts:
        found.setdefault((kind.month, kind.purpose), {})[kind.verb] = number
    made = [_figure(month, purpose, acts) for (month, purpose), acts in found.items()]
    by_purpose = sorted(made, key=lambda figure: figure.purpose)
    return sorted(by_purpose, key=lambda figure: figure.month, reverse=True)


def _figure(month: str, purpose: str, acts: dict[str, int]) -> Figure:
    said = tuple((VERBS[verb], acts[verb]) for verb in VERBS if verb in acts)
    return Figure(month, purpose, sum(acts.values()), said)


async def recoveries(broker: Broker) -> list[datetime]:
    """When somebody at the server made a link into an administrator's account, newest first."""
    found = await kept.everything(broker, RECOVERY)
    return sorted((datetime.fromisoformat(one.value("openedAt")) for one in found), reverse=True)


async def clear_views(broker: Broker) -> list[Sum]:
    """How often, and for how long, somebody saw a camera as it is."""
    return sums([*await kept.everything(broker, CLEAR)])


async def openings(broker: Broker) -> list[opening.Sum]:
    """How often sealed footage was opened, and how often that was refused."""
    return opening.sums(await kept.everything(broker, OPENING))


async def drilled(broker: Broker) -> datetime | None:
    """When custodians last tried their keys, and all three were there."""
    found = await kept.everything(broker, DRILL)
    good = [one for one in found if (one.value("kind"), one.value("result")) == PASSED]
    ends = [datetime.fromisoformat(one.value("endedAt")) for one in good]
    return max(ends, default=None)


async def holds(broker: Broker) -> int:
    """Legal holds that run."""
    found = await kept.everything(broker, HOLD)
    return sum(one.value("status") == "running" for one in found)


def file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    headers = {**CACHED, "content-disposition": f'attachment; filename="{name}"'}
    return Response(sheet.written([columns, *rows]), 200, headers, "text/csv; charset=utf-8")


def routes(broker: Broker, pages: Pages, notary: Notary) -> list[Route]:
    async def page(_: Request) -> Response:
        shown = figures(await broker.ledger.counts())
        stands = standing(notary, broker.clock())
        answer = pages.page(
            "figures.html",
            figures=shown,
            log=stands,
            recoveries=await recoveries(broker),
            clear=await clear_views(broker),
            openings=await openings(broker),
            holds=await holds(broker),
            drilled=await drilled(broker),
        )
        answer.headers.update(CACHED)
        return answer

    async def access(_: Request) -> Response:
        rows = sorted((*kind, number) for kind, number in await broker.ledger.counts())
        return file("access.csv", COLUMNS, rows)

    async def clear(_: Request) -> Response:
        rows = [(s.month, s.purpose, s.views, s.minutes) for s in await clear_views(broker)]
        return file("clear-views.csv", CLEAR_COLUMNS, rows)

    async def opened(_: Request) -> Response:
        rows = [[getattr(s, name) for name in OPENING_COLUMNS] for s in await openings(broker)]
        return file("openings.csv", OPENING_COLUMNS, rows)

    return [
        Route("/figures", page),
        Route("/open-data/openings.csv", opened),
        Route("/open-data/access.csv", access),
        Route("/open-data/clear-views.csv", clear),
    ]
