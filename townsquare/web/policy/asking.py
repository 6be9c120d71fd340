"""A change of the policy as something that takes approval: what approvers see, and what follows."""

from collections.abc import Callable, Mapping, Sequence

from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.trust import versions
from townsquare.trust.approvals import Approval
from townsquare.trust.change import Change
from townsquare.web.approvals.book import Act, Book
from townsquare.web.policy.ruling import Ruling

ACT = "policy"
# Nobody approves the rules alone: it takes holders of these roles in two organisations.
APPROVERS = frozenset({"administrator", "data-protection", "security", "break-glass"})
MOST_TOLD = 50  # sentences that approvers sign; the hash is of everything


def act(ruling: Ruling, book: Callable[[], Book]) -> Act:
    async def then(approval: Approval) -> None:
        async def wrong(hash: str, change: Change) -> Sequence[str]:
            return await book().wrong(ACT, versions.id_of(hash), detail(hash, change))

        await ruling.adopt(str(approval.request.detail["hash"]), wrong)

    return Act(ACT, "Change who may do what", APPROVERS, needed=2, then=then)


async def ask(book: Book, hash: str, change: Change, by: Actor) -> str:
    """The id of the request for approval."""
    return (await book.ask(ACT, versions.id_of(hash), detail(hash, change), by)).id


def detail(hash: str, change: Change) -> Mapping[str, Json]:
    """What approvers sign: all that would give more, as far as they can read it."""
    left = len(change.wider) - MOST_TOLD
    more = [f"and {left} more"] if left > 0 else []
    return {"hash": hash, "wider": [*change.wider[:MOST_TOLD], *more]}
