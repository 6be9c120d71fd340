"""The publication of a warning as something that takes approval: who gives it, and what follows."""

from collections.abc import Callable, Mapping, Sequence

from townsquare.alerts.warnings.desk import ACT, Ask, WarningDesk
from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.texts import later
from townsquare.trust.approvals import Approval
from townsquare.web.approvals.book import Act, Book

APPROVERS = frozenset({"operator", "break-glass"})


def act(desk: WarningDesk, book: Callable[[], Book]) -> Act:
    """Among colleagues: at night, those who are there are of one organisation."""

    async def then(approval: Approval) -> None:
        async def wrong(act: str, id: str, detail: Mapping[str, Json]) -> Sequence[str]:
            return await book().wrong(act, id, detail)

        request, last = approval.request, approval.signatures[-1]
        await desk.publish(request.subject, request.requested_by, last.by, wrong)

    return Act(ACT, later("Publish a warning"), APPROVERS, then=then, colleagues=True)


def asking(book: Callable[[], Book]) -> Ask:
    async def ask(act: str, subject: str, detail: Mapping[str, Json], by: Actor) -> str:
        return (await book().ask(act, subject, detail, by)).id

    return ask
