"""The card of a camera: what everyone may know of it, and the answers to four questions. Pure.

Always holds: the answers are made from the policy and the type declarations in force, by asking
the policy itself, so the page cannot say what is not so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import product

from townsquare.model.actor import ANYONE, Actor, Why
from townsquare.model.customs import day
from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.model.entity import Entity
from townsquare.model.texts import found, later, text, text_of
from townsquare.model.town import Town
from townsquare.register.cells import FLOW, HOUR, Cell, Kind, Spot, next_due
from townsquare.register.evaluated import Evaluated, error_said
from townsquare.trust.policy import Act, Policy, decide

CAMERA = "Camera"
STATUSES = (later("starting"), later("working"), later("failing"))
KINDS: Mapping[Kind, str] = {"line": later("Line {name}"), "zone": later("Zone {name}")}


@dataclass(frozen=True, slots=True)
class Measure:
    """`cells` have town time, newest last."""

    title: str
    unit: str
    columns: tuple[str, str]
    cells: tuple[Cell, ...]
    name: str = ""
    kind: Kind = "line"

    def error(self, evaluations: tuple[Evaluated, ...]) -> str:
        """How far its counts may be from the truth, in a sentence."""
        if self.kind == "zone":
            return text("Error unknown: of people in a zone nothing is measured by hand.")
        newest = [cell.evaluated for cell in self.cells if cell.evaluated]
        return error_said(self.name, newest[-1] if newest else "", evaluations)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How footage is kept: for how long anybody could open it, and whose custodians do."""

    hours: int
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """`place` is (lon, lat); times are the town's."""

    name: str
    title: str
    place: tuple[float, float]
    status: str
    status_since: datetime | None
    sample: bool
    trouble: str
    purposes: tuple[str, ...]
    owner: str
    legal_basis: str
    review: date | None
    overdue: bool
    assessment: tuple[str, date] | None  # reference and date
    hidden: tuple[str, ...]  # sentences: what is never seen of its picture
    questions: tuple[tuple[str, str], ...]
    measures: tuple[Measure, ...]
    next_cell_at: datetime
    evaluations: tuple[Evaluated, ...] = ()  # newest first


def card(
    camera: Entity,
    measures: Sequence[Measure],
    policy: Policy,
    town: Town,
    now: datetime,
    recorded: Recorded | None = None,
) -> Card:
    """`recorded` are the terms under which the town records, where it does."""
    lon, lat = camera.value("location")["coordinates"]
    since = camera.value("statusSince")
    return Card(
        name=camera.id.rsplit(":", 1)[1],
        title=camera.value("cameraName"),
        place=(lon, lat),
        status=camera.value("status"),
        status_since=town.local(datetime.fromisoformat(since)) if since else None,
        sample=bool(camera.value("sample")),
        trouble=camera.value("trouble") or "",
        purposes=_purposes(camera),
        owner=camera.value("owner") or "",
        legal_basis=camera.value("legalBasis") or "",
        review=_day(camera, "reviewDate"),
        overdue=_overdue(camera, town.local(now).date()),
        assessment=_assessment(camera),
        hidden=_hidden(camera),
        questions=questions(
            camera,
            policy,
            town.local(now).date(),
            recorded if camera.value("recorded") else None,
        ),
        measures=tuple(measures),
        next_cell_at=town.local(next_due(now)),
    )


def measure(spot: Spot, published: Sequence[Cell], due: Sequence[datetime], town: Town) -> Measure:
    """An hour of `due` without a cell was not counted; before the first cell there is no gap."""
    by_hour = {cell.since: cell for cell in published}
    first = min(by_hour, default=None)
    hours = [hour for hour in due if first and hour >= first]
    cells = (by_hour.get(h, Cell(h, h + HOUR, (None, None), 0)) for h in hours)
    shown = (replace(c, since=town.local(c.since), until=town.local(c.until)) for c in cells)
    title = text(KINDS[spot.kind], name=spot.name)
    return Measure(title, "people", spot.columns, tuple(shown), spot.name, spot.kind)


# --- the four questions


# Who reaches each, in the order of `_accessed`.
SEEN = (
    later("Counts of full hours: {who}."),
    later("Counts of 5 minutes: {who}."),
    later("Values of this moment: {who}."),
    later("A drawing of the empty place with shapes where people are: {who}."),
    later("The camera's picture: {who}."),
)
CLEAR = "ClearView"  # a type, where a camera can be seen as it is


def questions(
    camera: Entity, policy: Policy, today: date, recorded: Recorded | None = None
) -> tuple[tuple[str, str], ...]:
    return (
        (text("How is it stored?"), _stored(policy, recorded)),
        (text("Who can access it?"), _accessed(policy, bool(camera.value("countsOnly")))),
        (text("How is it used?"), _used(camera, policy, today)),
        (text("For how long?"), _kept(policy, recorded)),
    )


def _hidden(camera: Entity) -> tuple[str, ...]:
    said = []
    if camera.value("countsOnly"):
        said.append(text("Counts only: no picture is ever made."))
    if number := camera.value("maskCount"):
        said.append(
            text_of(
                number,
                "{n} part of the picture is blacked out before anything looks at it.",
                "{n} parts of the picture are blacked out before anything looks at it.",
            )
        )
    return tuple(said)


def _stored(policy: Policy, recorded: Recorded | None) -> str:
    if recorded:
        answer = text(
            "What the camera sends is recorded and sealed: nobody opens it alone, and the town"
            " cannot. Custodians of two of these organisations open some of it together, for one"
            " case: {who}. Values of this moment replace each other and leave no history.",
            who=", ".join(recorded.organisations),
        )
    else:
        answer = text(
            "No picture is stored: the machine that reads the camera turns pictures into counts and"
            " forgets them. Values of this moment replace each other and leave no history."
        )
    if policy.types[FLOW].history:
        answer += " " + text("What is stored are numbers of people over 5 minutes.")
    return answer


def _accessed(policy: Policy, counts_only: bool) -> str:
    never = [later("nobody, since none is ever made")]
    clear = CLEAR in policy.types and not counts_only
    picture = later(
        "one operator for an hour at most, when people of two other organisations agree"
    )
    parts = (
        *_who(policy),
        never if counts_only else _viewers(policy),
        [picture if clear else later("nobody")],
    )
    said = zip(SEEN, parts, strict=True)
    return " ".join(text(sentence, who=_listed(who)) for sentence, who in said)


@lru_cache(maxsize=4)
def _who(policy: Policy) -> tuple[Sequence[str], ...]:
    """Asks the policy some hundred questions, whose answers last as long as the policy."""
    return (
        _readers(policy, "read", PUBLISHED),
        _readers(policy, "temporal", ""),
        _readers(policy, "read", LIVE),
    )


def _used(camera: Entity, policy: Policy, today: date) -> str:
    basis, owner = camera.value("legalBasis"), camera.value("owner")
    said = [
        _meant(_purposes(camera), policy.purposes.meant),
        text("Legal basis: {basis}.", basis=basis or text("none is named")),
        text("{who} answers for it.", who=owner) if owner else text("Nobody answers for it."),
        _need(camera, today),
    ]
    return " ".join(said)


def _meant(purposes: Sequence[str], known: Mapping[str, str]) -> str:
    said = (
        text("For {purpose}.", purpose=_purpose(name, known.get(name, ""))) for name in purposes
    )
    return " ".join(said) or text("For no named purpose.")


def _purpose(name: str, meant: str) -> str:
    if not meant:
        return found(name)
    return text("{purpose}, to {meant}", purpose=found(name), meant=found(meant))


def _need(camera: Entity, today: date) -> str:
    review = _day(camera, "reviewDate")
    if review is None:
        return text("Nobody has said when its need will be looked at again.")
    by = day(review)
    if _overdue(camera, today):
        return text("Its need was to be looked at again by {day}; this review is overdue.", day=by)
    return text("Its need will be looked at again by {day}.", day=by)


def _kept(policy: Policy, recorded: Recorded | None) -> str:
    flow = policy.types[FLOW]
    days = flow.retention.days
    windows = text_of(days, "{n} day", "{n} days") if flow.history else text("not kept")
    numbers = text(
        "Values of this moment: until the next one. Counts of 5 minutes: {time}. Published counts"
        " of full hours: without end, since they say how many, never who.",
        time=windows,
    )
    return f"{_pictures_kept(recorded)} {numbers}"


def _pictures_kept(recorded: Recorded | None) -> str:
    if recorded is None:
        return text("Pictures: not at all.")
    return text_of(
        recorded.hours,
        "Pictures: {n} hour, then the keys are destroyed; longer where a legal hold is on them.",
        "Pictures: {n} hours, then the keys are destroyed; longer where a legal hold is on them.",
    )


def _readers(policy: Policy, act: Act, scope: str) -> list[str]:
    if _reaches(policy, ANYONE, act, scope):
        return [later("everyone")]
    who = _people(policy)
    return [title for title, actor in who.items() if _reaches(policy, actor, act, scope)]


def _reaches(policy: Policy, actor: Actor, act: Act, scope: str) -> bool:
    grants = (decide(policy, actor, Why(purpose), act, FLOW) for purpose in policy.purposes.names)
    return any(g.allowed and g.admits((scope,) if scope else ()) for g in grants)


@lru_cache(maxsize=4)
def _viewers(policy: Policy) -> Sequence[str]:
    """Who may use the commands of the room that the cameras belong to."""
    room = policy.types[CAMERA].owner
    owned = [type.name for type in policy.types.values() if type.owner == room]
    asked = list(product(policy.purposes.names, owned))
    return [
        title
        for title, actor in _people(policy).items()
        if any(decide(policy, actor.through(room), Why(p), "write", t).allowed for p, t in asked)
    ]


def _people(policy: Policy) -> dict[str, Actor]:
    """Somebody in each role, by its title. A program of the house is no person."""
    return {
        role.title: Actor(role.name, "person", roles=frozenset({role.name}))
        for role in policy.roles.values()
        if role.of == "the town"
    }


def _listed(titles: Iterable[str]) -> str:
    return ", ".join(map(found, titles)) or text("nobody")


def _purposes(camera: Entity) -> tuple[str, ...]:
    return tuple(camera.value("purpose") or ())


def _overdue(camera: Entity, today: date) -> bool:
    review = _day(camera, "reviewDate")
    return review is not None and review < today


def _assessment(camera: Entity) -> tuple[str, date] | None:
    completed = _day(camera, "impactAssessmentDate")
    return (str(camera.value("impactAssessment")), completed) if completed else None


def _day(camera: Entity, name: str) -> date | None:
    told = camera.value(name)
    return date.fromisoformat(told) if told else None
