"""The log as it is written to and read: who looked at what, or changed it, and why.

Always holds: it is read by those to whom the policy shows the type LogEntry; reading and erasing
are entries themselves, written before anything is answered; numbers by month are everybody's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from townsquare.context.grants import Rights
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import Invalid
from townsquare.store import Job, Key, Row, Store, Writes
from townsquare.store.logged import EQUAL, second
from townsquare.store.logged import MOST_FOUND as MOST_FOUND  # rooms name it
from townsquare.store.logged import LogCount as LogCount
from townsquare.store.logged import Logged as Logged
from townsquare.store.logged import LogSearch as LogSearch  # rooms ask with it
from townsquare.trust import audit
from townsquare.trust.audit import ENTRY, Record, Verb
from townsquare.trust.policy import Policy, require

MOST_DISCLOSED = 5000  # entries at once, each with its proof
MOST_TEXT = 1000  # characters of what is searched for
RECORD = msgspec.json.Decoder(Record)
SUBJECT = "urn:ngsi-ld:Log"


class Read(msgspec.Struct, frozen=True):
    """An entry as it is shown; `index` is what proofs are about."""

    index: int
    record: Record


class Said(msgspec.Struct, frozen=True):
    """What an entry says beside who, what and for which purpose."""

    detail: str = ""
    justification: str = ""
    recipients: tuple[str, ...] = ()  # of a disclosure


NOTHING_SAID = Said()


class Ledger:
    def __init__(
        self,
        store: Store,
        policy: Callable[[], Policy],
        rights: Callable[[Actor, Why], Rights],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._policy = policy
        self._rights = rights
        self._clock = clock

    async def note(
        self, subject: str, verb: Verb, by: Actor, why: Why, said: Said = NOTHING_SAID
    ) -> None:
        """An entry of an act that changes no entity. Answers when it is durable.

        Raises Invalid for a disclosure without recipients or justification.
        """
        if verb == "disclosure" and not (said.justification and said.recipients):
            raise Invalid("a disclosure needs a justification and its recipients")
        await self._commit(self._record(subject, verb, by, why, said), ())

    async def read(
        self, search: LogSearch, by: Actor, why: Why, justification: str = ""
    ) -> list[Read]:
        """Newest first, at most `search.limit`; the next page is asked for with `below`, the index
        of the last one. Raises Denied.
        """
        require(self._rights(by, why).grant("read", ENTRY.name))
        _require_short(search)
        said = Said(_asked(search), justification)
        await self.note(SUBJECT, "consultation", by, why, said)
        found = await self._store.log_found(search)
        return [Read(one.index, RECORD.decode(one.entry.record)) for one in found]

    async def disclose(
        self, search: LogSearch, by: Actor, why: Why, justification: str, recipients: Sequence[str]
    ) -> list[Logged]:
        """The same with their salts, for somebody who checks the proofs. Raises Denied, and Invalid
        without a reason or recipients.
        """
        require(self._rights(by, why).grant("read", ENTRY.name))
        _require_short(search)
        said = Said(_asked(search), justification, tuple(recipients))
        await self.note(SUBJECT, "disclosure", by, why, said)
        return await self._store.log_found(search)

    async def disclose_all(
        self, search: LogSearch, by: Actor, why: Why, justification: str, recipients: Sequence[str]
    ) -> list[Logged]:
        """Every entry from the first to the last that fits, also erased ones. Raises Denied, and
        Invalid without a reason or recipients, or where there are none or too many.
        """
        require(self._rights(by, why).grant("read", ENTRY.name))
        _require_short(search)
        first, last = await self._store.log_span(search) or (0, -1)
        if not 0 <= last - first < MOST_DISCLOSED:
            raise Invalid(f"there are 0 or over {MOST_DISCLOSED:,} entries; ask for another time")
        said = Said(f"entries {first}-{last}", justification, tuple(recipients))
        await self.note(SUBJECT, "disclosure", by, why, said)
        found = await self._store.log(first, last - first + 1)
        return [Logged(index, entry) for index, entry in enumerate(found, first)]

    async def erase(self, indexes: Iterable[int], by: Actor, why: Why, justification: str) -> None:
        """Records, not entries: all proofs stay. Raises Denied, or Invalid without a reason."""
        require(self._rights(by, why).grant("read", ENTRY.name))
        which = sorted(set(indexes))
        if not justification or not 0 < len(which) <= MOST_FOUND:
            raise Invalid(f"name 1 to {MOST_FOUND} entries, and say why they are erased")
        said = Said(_ranges(which), justification)
        await self._commit(self._record(SUBJECT, "erasure", by, why, said), which)

    async def erase_before(
        self, at: datetime, kept: Collection[str], by: Actor, why: Why, justification: str
    ) -> int:
        """The oldest records of before `at`, up to MOST_FOUND, but for those about `kept` subjects.
        How many; none is no entry. Raises Denied, or Invalid without a reason.
        """
        require(self._rights(by, why).grant("read", ENTRY.name))
        which = await self._store.log_before(at, kept, MOST_FOUND)
        if which:
            await self.erase(which, by, why, justification)
        return len(which)

    async def newest(self) -> datetime | None:
        """When the last thing was done that is still told; nothing of what it was."""
        found = await self._store.log_found(LogSearch(limit=1))
        return RECORD.decode(found[0].entry.record).at if found else None

    async def counts(self) -> list[LogCount]:
        """How many entries by month, purpose and verb: numbers that anybody may have."""
        return await self._store.log_counts()

    def _record(self, subject: str, verb: Verb, by: Actor, why: Why, said: Said) -> Record:
        return msgspec.structs.replace(
            audit.record(by, why, self._clock(), subject, verb, said.detail),
            justification=said.justification,
            recipients=said.recipients,
            policy=self._policy().hash,
        )

    async def _commit(self, record: Record, unlog: Sequence[int]) -> None:
        def decided(_: Mapping[Key, Row]) -> Writes:
            return Writes(log=[audit.entry(record)], unlog=unlog)

        await self._store.commit(Job(record.at, "", (), decided))


def _require_short(search: LogSearch) -> None:
    if any(len(getattr(search, name)) > MOST_TEXT for name in EQUAL):
        raise Invalid(f"the search names something over {MOST_TEXT} characters; say it shorter")


def _asked(search: LogSearch) -> str:
    """What was asked for, as the log says it."""
    asked = {name: getattr(search, name) for name in EQUAL}
    times = {"since": search.since, "until": search.until}
    asked |= {name: second(at) for name, at in times.items() if at}
    asked |= {} if search.below is None else {"below": str(search.below)}
    return ", ".join(f"{name} {value}" for name, value in asked.items() if value) or "the latest"


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 as 1-3, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
