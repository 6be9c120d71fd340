"""[notify] in townsquare.toml: who is called in whose place, on which ways, and when not. Pure.

Always holds: what is written fits together, so that no step of a chain leads to nobody; what is
critical has no quiet hours.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from townsquare.alerts.notify.escalation import Chain as Stairs
from townsquare.alerts.notify.escalation import Escalation, Step
from townsquare.alerts.notify.hours import Quiet as Hours
from townsquare.alerts.notify.rota import Override as Instead
from townsquare.alerts.notify.rota import Rota, Rotation
from townsquare.alerts.notify.ways import Contact, Mail, is_literal, require_name, twice
from townsquare.model.errors import Invalid
from townsquare.model.rule import Severity

POST = re.compile(r"[a-z0-9-]+(\+\d{1,2})?")
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
DEFAULT_S = (0.0, 60.0, 120.0, 300.0, 600.0)
MOST_TURN_DAYS = 366
LAST_YEAR = 2999


@dataclass(frozen=True, slots=True)
class Override:
    """[[notify.rota.override]]: `person` in place of whoever's turn it is, and not at `until`.
    "" is nobody.
    """

    person: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        for field in ("since", "until"):
            if getattr(self, field).tzinfo is None:
                raise Invalid(f"{field} needs a zone, such as 2027-01-31T08:00:00+01:00")
            require_year(field, getattr(self, field))
        if not self.since < self.until:
            raise Invalid(f"the turn of {self.person!r} ends before it begins; swap the two")


@dataclass(frozen=True, slots=True)
class Turns:
    """[[notify.rota]]: contacts who are on call in turns of `days` days."""

    name: str
    people: tuple[str, ...]
    begins: date
    handover: str = "08:00"
    days: int = 7
    hours: str = ""
    override: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        require_name("rota", self.name)
        if not 1 <= self.days <= MOST_TURN_DAYS:
            raise Invalid(f"days {self.days} of rota {self.name!r}: give 1 to {MOST_TURN_DAYS}")
        require_year("begins", self.begins)
        self.rotation()

    def rotation(self) -> Rotation:
        handover = _clock("handover", self.handover)
        return Rotation(self.name, self.people, self.begins, handover, self.days, self.hours)


@dataclass(frozen=True, slots=True)
class Chain:
    """[[notify.chain]]: who is called after how long, where nobody acknowledges.

    `call` names for each step the rotas of which somebody is called; `desk+1` is who follows in
    `desk`. Without it each step calls the next rota, and after the last who follows in that one.
    """

    severities: tuple[Severity, ...] = ("critical", "high")
    after_s: tuple[float, ...] = DEFAULT_S
    call: tuple[tuple[str, ...], ...] = ()
    loops: int = 2
    last_s: float = 300

    def __post_init__(self) -> None:
        if not self.severities:
            raise Invalid('a chain names the severities it is for, such as ["critical", "high"]')
        if self.call and len(self.call) != len(self.after_s):
            raise Invalid(
                f"a chain of {len(self.after_s)} steps names whom to call in {len(self.call)};"
                ' give one list for each, such as [["desk"], ["desk+1", "lead"]]'
            )
        if self.call and not all(self.call):
            raise Invalid('each step calls a rota at least, such as ["desk"]')
        Stairs(tuple(Step(after, ()) for after in self.after_s), self.loops, self.last_s)

    def stairs(self, rotas: Iterable[Turns]) -> Stairs:
        call = self.call or tuple(_usual(tuple(rotas), len(self.after_s)))
        steps = tuple(Step(s, tuple(to)) for s, to in zip(self.after_s, call, strict=True))
        return Stairs(steps, self.loops, self.last_s)


@dataclass(frozen=True, slots=True)
class Quiet:
    """[[notify.quiet]]: nobody is called about these from `since` to `until` by the town's clock.

    What is critical is never quiet.
    """

    severities: tuple[Severity, ...]
    since: str
    until: str

    def __post_init__(self) -> None:
        if not self.severities:
            raise Invalid('quiet hours name their severities, such as ["medium", "low"]')
        if "critical" in self.severities:
            raise Invalid('critical alarms have no quiet hours; leave "critical" out')
        self.hours()

    def hours(self) -> Hours:
        since, until = _clock("since", self.since), _clock("until", self.until)
        return Hours(frozenset(self.severities), since, until)


USUAL_CHAIN = Chain()


@dataclass(frozen=True, slots=True)
class Settings:
    """[notify] in townsquare.toml. Without contacts and a rota nobody is called."""

    mail: Mail | None = None
    contact: tuple[Contact, ...] = ()
    rota: tuple[Turns, ...] = ()
    chain: tuple[Chain, ...] = ()
    quiet: tuple[Quiet, ...] = ()

    def __post_init__(self) -> None:
        for wrong in _misfits(self):
            raise Invalid(wrong)
        self.escalation(ZoneInfo("UTC"))

    def escalation(self, zone: ZoneInfo) -> Escalation:
        if not self.rota:
            return Escalation({}, zone)
        chains: dict[str, Stairs] = {
            s: c.stairs(self.rota) for c in self.chains for s in c.severities
        }
        return Escalation(chains, zone, tuple(quiet.hours() for quiet in self.quiet))

    @property
    def chains(self) -> tuple[Chain, ...]:
        return self.chain or (USUAL_CHAIN,)

    def turns(self, zone: ZoneInfo) -> Rota:
        instead = [
            Instead(rota.name, o.person, o.since, o.until)
            for rota in self.rota
            for o in rota.override
        ]
        return Rota(tuple(rota.rotation() for rota in self.rota), zone, tuple(instead))

    def reached(self, name: str) -> Contact | None:
        return next((contact for contact in self.contact if contact.name == name), None)

    def undeclared(self, hosts: Iterable[str]) -> str:
        """The first host that would be called and is not among these; "" where there is none.

        This machine is none that can be declared: `townsquare run --open` may call it.
        """
        called = [c.host for contact in self.contact for c in contact.channel]
        if self.mail and any(c.kind == "email" for one in self.contact for c in one.channel):
            called.append(self.mail.host)
        known = {"", "localhost", *hosts}
        return next((h for h in called if h not in known and not is_literal(h)), "")


def require_year(field: str, day: date) -> None:
    """Raises Invalid: a calendar of computers ends."""
    if not 1970 <= day.year <= LAST_YEAR:
        raise Invalid(f"{field} {day} is not between 1970 and {LAST_YEAR}; give such as 2027-01-31")


def _misfits(settings: Settings) -> Iterator[str]:
    contacts = [contact.name for contact in settings.contact]
    rotas = [rota.name for rota in settings.rota]
    for what, names in (("contact", contacts), ("rota", rotas)):
        if name := twice(names):
            yield f"two of [[notify.{what}]] have the name {name!r}"
    for rota in settings.rota:
        for person in _named(rota).difference(contacts):
            yield f"rota {rota.name!r} names {person!r}, who is no contact; {_there(contacts)}"
    yield from _misled(settings.chain, rotas)
    mailed = [c.name for c in settings.contact if any(w.kind == "email" for w in c.channel)]
    if mailed and not settings.mail:
        yield f"contact {mailed[0]!r} has e-mail, and there is no [notify.mail]; give its host"


def _named(rota: Turns) -> set[str]:
    return {*rota.people, *(o.person for o in rota.override if o.person)}


def _misled(chains: Iterable[Chain], rotas: list[str]) -> Iterator[str]:
    if severity := twice(s for chain in chains for s in chain.severities):
        yield f"two of [[notify.chain]] are for {severity} alarms; give each severity one"
    for post in (post for chain in chains for step in chain.call for post in step):
        if not POST.fullmatch(post) or post.partition("+")[0] not in rotas:
            yield f'a chain calls {post!r}, which is no rota; {_there(rotas)}. Such as "desk+1"'


def _usual(rotas: tuple[Turns, ...], steps: int) -> Iterator[tuple[str]]:
    for n in range(steps):
        rota = rotas[min(n, len(rotas) - 1)]
        after = (n - rotas.index(rota)) % len(rota.people)
        yield (f"{rota.name}+{after}" if after else rota.name,)


def _clock(field: str, text: str) -> time:
    if not CLOCK.fullmatch(text):
        raise Invalid(f'{field} {text!r} must be a time of day such as "08:00"')
    return time.fromisoformat(text)


def _there(names: list[str]) -> str:
    return f"there are {', '.join(names)}" if names else "there are none"
