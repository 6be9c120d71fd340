"""A change of the policy as something that takes approval: what approvers see, and what follows."""

from collections.abc import Callable, Mapping, Sequence

from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.texts import later
from townsquare.trust.approvals import Approval
from townsquare.trust.change import Change
from townsquare.trust.wording import Said
from townsquare.web.approvals.book import Act, Book
from townsquare.web.policy.ruling import Ruling

ACT = "policy"
# Nobody approves the rules alone: it takes holders of these roles in two organisations.
APPROVERS = frozenset({"administrator", "data-protection", "security", "break-glass"})
MOST_TOLD = 50  # sentences that approvers sign; the hash is of all of it


def act(ruling: Ruling, book: Callable[[], Book]) -> Act:
    async def then(approval: Approval) -> None:
        async def wrong(id: str, change: Change) -> Sequence[str]:
            return await book().wrong(ACT, id, detail(change))

        await ruling.adopt(approval.request.subject, wrong)

    return Act(ACT, later("Change who may do what"), APPROVERS, needed=2, then=then)


async def ask(book: Book, id: str, change: Change, by: Actor) -> str:
    """The id of the request for approval. The version's own id has the hash of its texts."""
    return (await book.ask(ACT, id, detail(change), by)).id


def detail(change: Change) -> Mapping[str, Json]:
    """What approvers sign: all that anybody could do more, and less, in plain words."""
    return {"gives more": _said(change.gains), "gives less": _said(change.losses)}


def _said(told: Sequence[Said]) -> Sequence[Json]:
    left = len(told) - MOST_TOLD
    more = [f"and {left} more"] if left > 0 else []
    return [*map(str, told[:MOST_TOLD]), *more]
