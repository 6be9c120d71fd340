"""Checks of the machine and of what is kept on it: disk, clock, database, backup, certificates.
Pure: facts in, findings out.
"""

from collections.abc import Iterator
from datetime import timedelta

from townsquare.model.texts import later
from townsquare.web.doctor.facts import Certificate, Facts
from townsquare.web.doctor.finding import Finding, State, unknown, words

MB, GB = 1_000_000, 1_000_000_000
LOW_PERCENT = 5  # of the disk free: time to act before the floor is reached
CLOCK_OFF = timedelta(minutes=5)  # more than clocks are corrected by
CLOCK_DRIFT = timedelta(minutes=1)
CERTIFICATE_SOON = timedelta(days=30)
CERTIFICATE_VERY_SOON = timedelta(days=7)
BACKUP_OLD = timedelta(days=2)
BACKUP_TOO_OLD = timedelta(days=7)
BIG_WAL = GB  # SQLite folds it in at 1000 pages; this long means that something stops it

FREE = later("{free} GB of {total} GB are free; the town needs {floor} GB.")
MAKE_ROOM = later("Make room on the disk of the data folder. Counting, alarms and the log go on.")
BEFORE_IT_IS_FULL = later("Make room, or keep history and footage for a shorter time.")
CLOCK_RIGHT = later("The clock agrees with what is certain, to within {seconds} s.")
CLOCK_AHEAD = later("The clock is ahead of what is certain. Minutes: {minutes}")
CLOCK_BACK = later("The clock is behind what is certain. Minutes: {minutes}")
SET_CLOCK = later(
    "Set the server's clock right. If it is right: townsquare clock confirm --reason WHY"
)
SOUND = later("{kind}, {size} MB; what was read of it is sound.")
SOUND_IN_PART = later(
    "{kind}, {size} MB; it answers. It is too large to be read through while the town runs."
)
DAMAGED = later("The database is damaged or cannot be read: {trouble}")
RESTORE = later("Stop the town, keep a copy of the data folder, restore the newest backup.")
REACH = later("Look at the database server, and at [store] in townsquare.toml.")
WAL = later("The write-ahead log of the database has {size} MB and is not folded in.")
WAL_NEXT = later("End programs that hold the database open, or start the town again.")
NO_BACKUP = later("No backup is known.")
MAKE_BACKUP = later("Make one, and one every night: townsquare backup TARGET")
BACKED_UP = later("Hours since the newest backup: {hours}")
CERTIFICATE_GOOD = later("Days until it ends: {days}")
CERTIFICATE_ENDED = later("It ended. Days since then: {days}")
CERTIFICATE_EARLY = later("It holds only from {day} on.")
CERTIFICATE_UNREAD = later("It cannot be read: {trouble}")
RENEW = later("Renew it, and have the proxy load it anew.")
SET_CERTIFICATE = later("Look at [web] certificate in townsquare.toml.")
NO_CERTIFICATE = later("The town knows of none that could end.")


def disk(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.disk) is None:
        yield unknown("disk")
        return
    told = words(FREE, **{n: _gb(getattr(seen, n)) for n in ("free", "total", "floor")})
    if seen.free < seen.floor:
        yield Finding("disk", "alarm", told, words(MAKE_ROOM))
    elif seen.free < 2 * seen.floor or 100 * seen.free < LOW_PERCENT * seen.total:
        yield Finding("disk", "warning", told, words(BEFORE_IT_IS_FULL))
    else:
        yield Finding("disk", "good", told)


def clock(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.clock) is None:
        yield unknown("clock")
        return
    off = abs(seen.off)
    after = words(SET_CLOCK)
    side = CLOCK_AHEAD if seen.off > timedelta() else CLOCK_BACK
    told = words(side, minutes=round(off / timedelta(minutes=1)))
    if seen.behind or seen.ahead:
        yield Finding("clock", "alarm", words("{why}", why=seen.behind or seen.ahead), after)
    elif off > CLOCK_OFF:
        yield Finding("clock", "alarm", told, after)
    elif off > CLOCK_DRIFT:
        yield Finding("clock", "warning", told, after)
    else:
        yield Finding("clock", "good", words(CLOCK_RIGHT, seconds=int(off.total_seconds()) + 1))


def database(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.database) is None:
        yield unknown("database")
    elif seen.trouble:
        after = REACH if seen.kind == "PostgreSQL" else RESTORE
        yield Finding("database", "alarm", words(DAMAGED, trouble=seen.trouble), words(after))
    elif seen.wal > BIG_WAL:
        yield Finding("database", "warning", words(WAL, size=seen.wal // MB), words(WAL_NEXT))
    else:
        told = SOUND if seen.whole else SOUND_IN_PART
        yield Finding("database", "good", words(told, kind=seen.kind, size=seen.size // MB))


def backup(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.backup) is None or seen.at is None:
        yield Finding("backup", "unknown", words(NO_BACKUP), words(MAKE_BACKUP))
        return
    age = facts.at - seen.at
    told = words(BACKED_UP, hours=int(age / timedelta(hours=1)))
    state: State = "alarm" if age > BACKUP_TOO_OLD else "warning" if age > BACKUP_OLD else "good"
    if state == "good":
        yield Finding("backup", state, told)
    else:
        yield Finding("backup", state, told, words(MAKE_BACKUP))


def certificates(facts: Facts) -> Iterator[Finding]:
    if facts.certificates is None:
        yield unknown("certificates")
    elif not facts.certificates:
        yield Finding("certificates", "good", words(NO_CERTIFICATE))
    else:
        yield from (_certificate(facts, one) for one in facts.certificates)


def _certificate(facts: Facts, one: Certificate) -> Finding:
    if one.begins is None or one.ends is None:
        told = words(CERTIFICATE_UNREAD, trouble=one.trouble)
        return Finding("certificates", "alarm", told, words(SET_CERTIFICATE), one.name)
    left = one.ends - facts.at
    if one.begins > facts.at:
        told = words(CERTIFICATE_EARLY, day=one.begins.date().isoformat())
        return Finding("certificates", "alarm", told, words(RENEW), one.name)
    if left <= timedelta():
        told = words(CERTIFICATE_ENDED, days=-left // timedelta(days=1))
        return Finding("certificates", "alarm", told, words(RENEW), one.name)
    told = words(CERTIFICATE_GOOD, days=left // timedelta(days=1))
    if left < CERTIFICATE_VERY_SOON:
        return Finding("certificates", "alarm", told, words(RENEW), one.name)
    if left < CERTIFICATE_SOON:
        return Finding("certificates", "warning", told, words(RENEW), one.name)
    return Finding("certificates", "good", told, subject=one.name)


def _gb(size: int) -> float:
    return round(size / GB, 1)


CHECKS = (disk, clock, database, backup, certificates)
