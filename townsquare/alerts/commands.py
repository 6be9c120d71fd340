"""What operators do with an alarm, as changes of it: who, when and why. Pure.

Always holds: nobody acknowledges an occurrence that they have not seen, nothing is put aside
without a reason, no shelf is without an end, and whoever took an alarm out of service does not
return it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.alerts.alert import GONE, brought_back, changed, done, facts
from townsquare.alerts.lifecycle import after
from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso
from townsquare.model.errors import Conflict, Denied, Invalid

SHIFT = timedelta(hours=8)  # the longest that an operator may shelve, and how long by default
DAY = timedelta(hours=24)  # the longest for a supervisor
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Deed:
    by: Actor
    at: datetime
    why: str = ""

    def said(self, deed: str) -> dict[str, Attribute]:
        return done(deed, self.by.id, self.at, self.why)


@dataclass(frozen=True, slots=True)
class Shelf:
    until: datetime | None = None  # None: a shift from now
    once: bool = False  # it ends with the alarm's cause, if that is sooner


def supervises(by: Actor) -> bool:
    """An operator who answers for the rules as well, since the town's roles name no supervisor."""
    return not by.roles.isdisjoint({"engineer", "open"})


def acknowledged(alert: Entity, deed: Deed, occurrence: int | None = None) -> Change:
    """Raises Conflict where there is nothing to acknowledge, or a newer occurrence of it."""
    present = int(alert.value("count") or 0)
    if occurrence not in (None, present):
        raise Conflict(
            f"it was raised again: you saw it the {occurrence}. time, this is the {present}.;"
            " look at it again"
        )
    return changed(alert, after(facts(alert), "acknowledge"), deed.said("acknowledged"), deed.at)


def reset(alert: Entity, deed: Deed) -> Change:
    return changed(alert, after(facts(alert), "reset"), deed.said("reset"), deed.at)


def shelved(alert: Entity, deed: Deed, shelf: Shelf) -> Change:
    """Raises Invalid without a reason or with an end that is too far, Denied, or Conflict."""
    then = after(facts(alert), "shelve")
    if alert.value("severity") == "critical" and not supervises(deed.by):
        raise Denied(
            "a critical alarm is shelved by a supervisor only: somebody with the roles of an"
            " operator and of an engineer"
        )
    until = _end(shelf.until, deed)
    said = _aside(deed) | {
        "suppressedUntil": Attribute(iso(until)),
        "suppressedOnce": Attribute(True) if shelf.once else GONE,
    }
    return changed(alert, then, said, deed.at)


def unshelved(alert: Entity, deed: Deed) -> Change:
    then = after(facts(alert), "unshelve")
    return changed(alert, then, brought_back(deed.by.id, deed.at, deed.why), deed.at)


def expired(alert: Entity, at: datetime) -> Change:
    """The end of its shelf has come."""
    then = after(facts(alert), "expire")
    return changed(alert, then, brought_back(None, at, "its time on the shelf was over"), at)


def taken_out(alert: Entity, deed: Deed) -> Change:
    gone = dict.fromkeys(("suppressedUntil", "suppressedOnce"), GONE)
    then = after(facts(alert), "take out of service")
    return changed(alert, then, _aside(deed) | gone, deed.at)


def returned(alert: Entity, deed: Deed) -> Change:
    """Raises Denied for the one who took it out."""
    then = after(facts(alert), "return")
    if alert.value("suppressedBy") == deed.by.id:
        raise Denied(
            "who took an alarm out of service does not return it; ask a second person to do it"
        )
    return changed(alert, then, brought_back(deed.by.id, deed.at, deed.why), deed.at)


def _aside(deed: Deed) -> dict[str, Attribute]:
    if not deed.why.strip():
        raise Invalid("an alarm is put aside for a reason; say it, such as 'sensor is repaired'")
    gone = dict.fromkeys(("broughtBackBy", "broughtBackAt", "broughtBackWhy"), GONE)
    return deed.said("suppressed") | gone


def _end(wished: datetime | None, deed: Deed) -> datetime:
    longest = DAY if supervises(deed.by) else SHIFT
    until = wished or deed.at + SHIFT
    if not deed.at < until <= deed.at + longest:
        raise Invalid(
            f"a shelf that ends at {iso(until)} is not between now and"
            f" {iso(deed.at + longest)}: you may shelve for {longest // SHIFT * 8} hours at most;"
            " what takes longer is taken out of service"
        )
    return until
