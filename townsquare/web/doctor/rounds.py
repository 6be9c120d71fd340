"""The rounds of the doctor: every two seconds all checks anew, and since when each is as it is.

Always holds: what is shown is never older than a round and its facts; where the rounds stop, that
is said, and nothing is called good any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from time import monotonic

from townsquare.web.doctor import machine, work
from townsquare.web.doctor.facts import Facts
from townsquare.web.doctor.finding import TITLES, Finding, Key, State, by_check, unknown, worst

EVERY_S = 2.0  # so that a page which asks as often shows what is wrong within 5 s
STOPPED_S = 60.0  # on a busy machine

Gather = Callable[[], Awaitable[Facts]]


def checked(facts: Facts) -> list[Finding]:
    """What all checks say. Pure."""
    return [*chain.from_iterable(check(facts) for check in (*machine.CHECKS, *work.CHECKS))]


def since(
    findings: Sequence[Finding], before: Mapping[Key, Finding], at: datetime
) -> list[Finding]:
    """With the time since when each is in its state: kept from before where that is the same."""
    return [_since(one, before.get(one.key), at) for one in findings]


def _since(one: Finding, before: Finding | None, at: datetime) -> Finding:
    if one.since is not None:
        return one
    same = before is not None and before.state == one.state and before.since is not None
    return replace(one, since=before.since if before and same else at)


class Rounds:
    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._found: Mapping[Key, Finding] = {}
        self._ended = -STOPPED_S

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        facts = await self._gather()
        found = since(checked(facts), self._found, facts.at)
        self._found = {one.key: one for one in found}
        self._ended = monotonic()

    @property
    def findings(self) -> Sequence[Finding]:
        """In no order. Unknown, all of it, where no round ended for a minute."""
        if monotonic() - self._ended > STOPPED_S:
            return [unknown(check) for check in TITLES]
        return list(self._found.values())

    def states(self) -> Mapping[str, State]:
        """The worst of each check."""
        return {check: worst(found) for check, found in by_check(self.findings).items()}
