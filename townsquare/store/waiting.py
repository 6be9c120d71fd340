"""Jobs that wait for a commit, and what each of them is answered."""

import asyncio

from townsquare.model.errors import TownsquareError
from townsquare.store import Committed, Job

Outcome = Committed | TownsquareError
Waiting = tuple[Job, "asyncio.Future[Committed]"]


def answer(future: "asyncio.Future[Committed]", outcome: Outcome | BaseException) -> None:
    """Whoever does not wait any more is not told."""
    if future.cancelled():
        return
    if isinstance(outcome, Committed):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
