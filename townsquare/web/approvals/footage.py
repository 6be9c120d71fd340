"""Opening footage as something that takes approval: custodians of two organisations agree by hand,
and in an emergency one.
"""

from collections.abc import Callable, Mapping, Sequence

from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.texts import later
from townsquare.trust.approvals import Approval
from townsquare.trust.seal.sharing import QUORUM
from townsquare.vision.sealed import opening
from townsquare.vision.sealed.openings import Ask, Openings
from townsquare.web.approvals.book import Act, Book

APPROVERS = frozenset({"custodian"})


def acts(openings: Openings, book: Callable[[], Book]) -> tuple[Act, Act]:
    async def then(approval: Approval) -> None:
        async def wrong(act: str, subject: str, detail: Mapping[str, Json]) -> Sequence[str]:
            return await book().wrong(act, subject, detail)

        await openings.adopt(approval, wrong)

    def act(name: str, title: str, needed: int) -> Act:
        return Act(name, title, APPROVERS, needed, then, refused=openings.refuse)

    return (
        act(opening.ACT, later("Open footage"), QUORUM),
        act(opening.EMERGENCY, later("Open footage in an emergency"), 1),
    )


def asking(book: Callable[[], Book]) -> Ask:
    async def ask(act: str, subject: str, detail: Mapping[str, Json], by: Actor) -> str:
        return (await book().ask(act, subject, detail, by)).id

    return ask
