"""Terms of recording and legal holds as what takes approval: who gives it, and what follows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.texts import later
from townsquare.trust.approvals import Approval
from townsquare.trust.seal.sharing import SHARES
from townsquare.vision.sealed import agreed, holds
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.holds import Holds
from townsquare.web.approvals.book import Act, Book

APPROVERS = frozenset({"administrator", "data-protection", "security", "custodian"})
CUSTODIANS = frozenset({"custodian"})
Then = Callable[[], Awaitable[None]]


def acts(terms: Agreed, held: Holds, book: Callable[[], Book], then: Then) -> tuple[Act, ...]:
    """`then` is done where other terms are in force."""

    async def adopt(approval: Approval) -> None:
        async def wrong(id: str, changes: Sequence[str]) -> Sequence[str]:
            return await book().wrong(agreed.ACT, id, detail(changes))

        await terms.adopt(approval.request.subject, wrong)
        await then()

    async def hold(approval: Approval) -> None:
        async def wrong(act: str, id: str, told: Mapping[str, Json]) -> Sequence[str]:
            return await book().wrong(act, id, told)

        await held.agree(approval.request.subject, wrong)

    return (
        Act(agreed.ACT, later("Change the terms of recording"), APPROVERS, 2, adopt),
        Act(holds.ONE, later("Hold footage for a case"), CUSTODIANS, 1, hold),
        Act(holds.THREE, later("Hold much footage for a case"), CUSTODIANS, SHARES, hold),
    )


def asking(book: Callable[[], Book]) -> Callable[[str, Sequence[str], Actor], Awaitable[str]]:
    async def ask(id: str, changes: Sequence[str], by: Actor) -> str:
        return (await book().ask(agreed.ACT, id, detail(changes), by)).id

    return ask


def detail(changes: Sequence[str]) -> Mapping[str, Json]:
    """What approvers sign: the terms' own id has the hash of all of them."""
    return {"changes": [*changes]}
