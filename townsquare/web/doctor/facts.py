"""What checks are decided from, at one moment. Pure: who gathers it is `app`.

Always holds: what could not be looked at is None, and not zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Disk:
    """Of the data folder, in bytes. Below `floor` the town refuses what is not its core."""

    free: int
    total: int
    floor: int


@dataclass(frozen=True, slots=True)
class Clock:
    """By how much the machine's clock is ahead of what is certain (behind: less than zero).
    `behind` says why the house is shut because of it, `ahead` why nothing is erased.
    """

    off: timedelta
    behind: str = ""
    ahead: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """`trouble` says why it cannot be read; then nothing else is known."""

    name: str
    begins: datetime | None = None
    ends: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class CameraSeen:
    """`status` is working, failing or starting; `sandbox` full, partial, none, or "" if unknown."""

    name: str
    status: str
    since: datetime | None
    sandbox: str = ""


@dataclass(frozen=True, slots=True)
class Devices:
    """`silent` are those that told nothing for a day, with the time of their last observation;
    `whole` is whether all of them were looked at, `waiting` how many nobody accepted yet.
    """

    number: int
    silent: Mapping[str, datetime]
    whole: bool = True
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Ways:
    """`floods` are devices that are not listened to since they send too much, `cut` are ways in
    that are not connected.
    """

    floods: Sequence[str] = ()
    cut: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """`trouble` says what is wrong with its files, or which are missing."""

    name: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Backup:
    """`at` is when the newest was finished; None where none was."""

    at: datetime | None


@dataclass(frozen=True, slots=True)
class Flows:
    """`declared` are hosts that may be called, `refused` those that something wanted to call, with
    when that was last.
    """

    declared: Sequence[str]
    refused: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Database:
    """In bytes. `trouble` says what is wrong; `whole` whether all of it was read for that."""

    kind: str
    size: int
    wal: int = 0
    trouble: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class LogSeen:
    """`unsigned_for` is the age of the oldest entry that no checkpoint has; `watched` says in words
    what is wrong with who watches it from outside.
    """

    trouble: str
    unsigned_for: timedelta
    watched: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A room that ended by an error and is started again."""

    room: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    at: datetime
    disk: Disk | None = None
    clock: Clock | None = None
    certificates: Sequence[Certificate] | None = None
    cameras: Sequence[CameraSeen] | None = None
    devices: Devices | None = None
    ways: Ways | None = None
    models: Sequence[Model] | None = None
    backup: Backup | None = None
    flows: Flows | None = None
    database: Database | None = None
    log: LogSeen | None = None
    lags: Mapping[str, timedelta] | None = None
    failing: Sequence[Failing] | None = None
