"""Checks of what the town does: cameras, devices, models, alarms, log, calls that leave. Pure:
facts in, findings out.
"""

from collections.abc import Iterator
from datetime import timedelta

from townsquare.model.texts import later
from townsquare.web.doctor.facts import CameraSeen, Devices, Facts
from townsquare.web.doctor.finding import Finding, State, unknown, words

LATE = timedelta(seconds=10)  # of who must read all news: from then on others wait
UNSIGNED = timedelta(minutes=1)  # the log is signed every 5 s
MOST_NAMED = 20  # devices that are listed one by one
ALARMS = "alerts"  # the reader that raises them

WORKING = later("It works.")
STARTING = later("It is being started.")
FAILING = later("It does not work.")
LOOK_AT_CAMERA = later("Look at its power, its line and its login; its page says what is wrong.")
NO_CAMERAS = later("There are none.")
CONFINED = later("Level {level}, at each camera that works.")
CONFINED_LESS = later("Level {level}: what reads this camera could do more than read it.")
CONFINE = later("See docs/vision.md for what this machine lacks; Linux 5.13 or newer is needed.")
MODEL_GOOD = later("Its files are those of the list.")
GET_MODEL = later("Fetch it anew: townsquare models get {name}")
DEVICES_GOOD = later("Devices that told something within a day: {number}")
DEVICES_PART = later("Only the first {number} devices were looked at.")
SILENT = later("Nothing was heard of it for a day.")
MORE_SILENT = later("More devices of which nothing was heard for a day: {number}")
VISIT = later("Look whether it has power and reception; declare it as gone where it is.")
CUT = later("This way in is not connected: nothing is heard of the devices behind it.")
CONNECT = later("Look whether its broker runs, and whether certificate and login still hold.")
FLOODS = later("It sends far too much, and is not listened to for now.")
CALM = later("Look at what it sends; have its owner set it right, or refuse it.")
WAITING = later("Devices that nobody accepted or refused yet: {number}")
DECIDE = later("Accept them with owner, purpose and place, or refuse them (docs/devices.md).")
FLOWS = later("May be called: {hosts}. Nobody else is.")
NO_FLOWS = later("Nobody may be called, and nobody is.")
REFUSED = later("Something here wanted to call this host, which is not declared. It was refused.")
DECLARE = later("Find out what it was; if it shall be called, list it in [outgoing] hosts.")
SIGNED = later("Every entry is signed, and somebody outside watches.")
UNSIGNED_FOR = later("An entry waits for its signature. Seconds so far: {seconds}")
LOG_NEXT = later("Read the server's messages; run townsquare log verify; call data protection.")
WITNESS = later("Look at /healthz for what witnesses answer; docs/trust.md says how to find some.")
IN_TIME = later("Alarms are decided within 10 s of the news.")
BEHIND = later("“{reader}” is behind. Seconds: {seconds}")
SLOW = later("Look whether disk or processor are busy; less detections a second relieve it.")
ROOMS_GOOD = later("All run.")
ROOM_FAILED = later("It ended by an error and was started again.")
READ_MESSAGES = later("Read the server's messages of that time, and report the error.")


def cameras(facts: Facts) -> Iterator[Finding]:
    if facts.cameras is None:
        yield unknown("cameras")
    elif not facts.cameras:
        yield Finding("cameras", "good", words(NO_CAMERAS))
    else:
        yield from map(_camera, facts.cameras)


def _camera(one: CameraSeen) -> Finding:
    if one.status == "working":
        return Finding("cameras", "good", words(WORKING), subject=one.name, since=one.since)
    if one.status == "failing":
        after = words(LOOK_AT_CAMERA)
        return Finding("cameras", "alarm", words(FAILING), after, one.name, one.since)
    return Finding("cameras", "unknown", words(STARTING), subject=one.name, since=one.since)


def sandbox(facts: Facts) -> Iterator[Finding]:
    known = [one for one in facts.cameras or () if one.sandbox]
    if facts.cameras and not known:
        yield unknown("sandbox")
    for one in known:
        if one.sandbox == "none":
            told = words(CONFINED_LESS, level=one.sandbox)
            yield Finding("sandbox", "warning", told, words(CONFINE), one.name)
    levels = sorted({one.sandbox for one in known if one.sandbox != "none"})
    if levels:
        yield Finding("sandbox", "good", words(CONFINED, level=", ".join(levels)))
    if facts.cameras is None:
        yield unknown("sandbox")
    elif not facts.cameras:
        yield Finding("sandbox", "good", words(NO_CAMERAS))


def models(facts: Facts) -> Iterator[Finding]:
    if facts.models is None:
        yield unknown("models")
    for one in facts.models or ():
        if one.trouble:
            told, after = words("{why}", why=one.trouble), words(GET_MODEL, name=one.name)
            yield Finding("models", "alarm", told, after, one.name)
        else:
            yield Finding("models", "good", words(MODEL_GOOD), subject=one.name)


def devices(facts: Facts) -> Iterator[Finding]:
    for way in facts.ways.cut if facts.ways else ():
        yield Finding("devices", "alarm", words(CUT), words(CONNECT), way)
    for name in facts.ways.floods if facts.ways else ():
        yield Finding("devices", "warning", words(FLOODS), words(CALM), name)
    if (seen := facts.devices) is None:
        yield unknown("devices")
        return
    if seen.waiting:
        told = words(WAITING, number=seen.waiting)
        yield Finding("devices", "warning", told, words(DECIDE))
    yield from _heard(seen)


def _heard(seen: Devices) -> Iterator[Finding]:
    silent = sorted(seen.silent.items(), key=lambda one: one[1])
    for id, at in silent[:MOST_NAMED]:
        yield Finding("devices", "warning", words(SILENT), words(VISIT), id, at)
    if len(silent) > MOST_NAMED:
        told = words(MORE_SILENT, number=len(silent) - MOST_NAMED)
        yield Finding("devices", "warning", told, words(VISIT))
    if not seen.whole:
        yield Finding("devices", "unknown", words(DEVICES_PART, number=seen.number))
    if not silent:
        yield Finding("devices", "good", words(DEVICES_GOOD, number=seen.number))


def flows(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.flows) is None:
        yield unknown("flows")
        return
    for host, at in sorted(seen.refused.items()):
        yield Finding("flows", "warning", words(REFUSED), words(DECLARE), host, at)
    if seen.declared:
        yield Finding("flows", "good", words(FLOWS, hosts=", ".join(seen.declared)))
    else:
        yield Finding("flows", "good", words(NO_FLOWS))


def log(facts: Facts) -> Iterator[Finding]:
    if (seen := facts.log) is None:
        yield unknown("log")
    elif seen.trouble:
        yield Finding("log", "alarm", words("{why}", why=seen.trouble), words(LOG_NEXT))
    elif seen.unsigned_for > UNSIGNED:
        told = words(UNSIGNED_FOR, seconds=int(seen.unsigned_for.total_seconds()))
        yield Finding("log", "alarm", told, words(LOG_NEXT))
    elif seen.watched:
        yield Finding("log", "warning", words(seen.watched), words(WITNESS))
    else:
        yield Finding("log", "good", words(SIGNED))


def alarms(facts: Facts) -> Iterator[Finding]:
    if facts.lags is None:
        yield unknown("alarms")
        return
    late = {name: lag for name, lag in facts.lags.items() if lag > LATE}
    for name, lag in late.items():
        told = words(BEHIND, reader=name, seconds=int(lag.total_seconds()))
        state: State = "alarm" if name == ALARMS else "warning"
        yield Finding("alarms", state, told, words(SLOW), name)
    if ALARMS not in late:
        yield Finding("alarms", "good", words(IN_TIME))


def rooms(facts: Facts) -> Iterator[Finding]:
    if facts.failing is None:
        yield unknown("rooms")
        return
    for one in facts.failing:
        told, after = words(ROOM_FAILED), words(READ_MESSAGES)
        yield Finding("rooms", "alarm", told, after, one.room, one.at)
    if not facts.failing:
        yield Finding("rooms", "good", words(ROOMS_GOOD))


CHECKS = (cameras, sandbox, models, devices, flows, log, alarms, rooms)
