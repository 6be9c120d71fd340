"""What a request asks of the past, and how it is to be told (clauses 4.5.19, 4.11 and 5.7.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from townsquare.context.aggregate import METHODS, Aggregation, read_duration
from townsquare.context.api.show import datasets, projection
from townsquare.context.form.projection import read_languages
from townsquare.context.form.read import read_time
from townsquare.context.form.view import CORE, Projection
from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query, depth
from townsquare.context.temporal import TemporalQuery
from townsquare.model.errors import Invalid
from townsquare.store.past import SCOPE, Span, TimeProperty, Window

Format = Literal["normalized", "concise", "temporalValues", "aggregatedValues"]
PAGE = 30  # instances in an answer; those who want more ask on from its end (clause 6.3.10)
OF_TIME = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN")
HOW = (
    "aggrMethods",
    "aggrPeriodDuration",
    "attrs",
    "pick",
    "omit",
    "datasetId",
    "lang",
    "options",
    "format",
    "local",
    "entityMap",
    "entityMapLifetime",
)


@dataclass(frozen=True, slots=True)
class Telling:
    """How what was found is written."""

    format: Format
    sys: bool
    of: TimeProperty
    projection: Projection
    languages: Sequence[str] = ()
    aggregation: Aggregation | None = None


def read_telling(request: Request, terms: Terms) -> Telling:
    """Raises Invalid or InvalidRequest."""
    options = request.options((*get_args(Format), "sysAttrs"))
    shapes = [name for name in get_args(Format) if name in options]
    # `format` is told before `options` and takes precedence.
    shape = next((name for name in options if name in shapes), "normalized")
    shown = projection(request, terms)
    if shown.depth():
        raise Invalid("the past has no linked entities; take the braces out of pick and omit")
    lang = request.parameters.get("lang")
    return Telling(
        format=next(known for known in get_args(Format) if known == shape),
        sys="sysAttrs" in options,
        of=time_property(request),
        projection=shown,
        languages=read_languages(lang) if lang else (),
        aggregation=aggregation(request) if shape == "aggregatedValues" else None,
    )


def temporal_query(request: Request, query: Query, how: Telling) -> TemporalQuery:
    """Raises Invalid."""
    if query.q and depth(query.q):
        raise Invalid("the past has no linked entities; take the braces out of q")
    last = request.number("lastN", 0)
    if "lastN" in request.parameters and not last:
        raise Invalid("lastN must be a whole number from 1")
    pick, omit = (part.names if part else {} for part in (how.projection.pick, how.projection.omit))
    # `attrs` names no members of the entity; the projection that it means lets them all pass.
    core = CORE if "attrs" in request.parameters else tuple(n for n in CORE if n != SCOPE)
    picked = tuple(name for name in pick if name not in core)
    return TemporalQuery(
        query,
        attributes=picked,
        omitted=tuple(name for name in omit if name not in core),
        window=window(request),
        datasets=tuple(sorted_datasets(request)),
        last=last or None,
        most=PAGE,
        bare=bool(pick) and not picked,
    )


def sorted_datasets(request: Request) -> list[str | None]:
    return [None if name == "@none" else name for name in sorted(datasets(request))]


def aggregation(request: Request) -> Aggregation:
    methods = request.listed("aggrMethods")
    if not methods:
        raise Invalid(f"aggregatedValues needs aggrMethods: {', '.join(sorted(METHODS))}")
    if unknown := [name for name in methods if name not in METHODS]:
        raise Invalid(f"aggrMethods has {unknown[0]!r}; known: {', '.join(sorted(METHODS))}")
    every = read_duration(request.parameters.get("aggrPeriodDuration", "PT0S"))
    return Aggregation(tuple(dict.fromkeys(methods)), every)


# --- time (clause 4.11)


def time_property(request: Request) -> TimeProperty:
    given = request.parameters.get("timeproperty", "observedAt")
    for known in get_args(TimeProperty):
        if given == known:
            return known  # type: ignore[no-any-return]  # one of the literals
    raise Invalid(f"timeproperty must be one of {', '.join(get_args(TimeProperty))}: {given!r}")


def window(request: Request) -> Window | None:
    """None where nothing is asked of time."""
    of, relation = time_property(request), request.parameters.get("timerel")
    at, end = (_time_of(request, name) for name in ("timeAt", "endTimeAt"))
    if relation is None:
        if at or end:
            raise Invalid("timeAt and endTimeAt need timerel")
        return Window(of) if "timeproperty" in request.parameters else None
    if at is None or (relation == "between") != (end is not None):
        raise Invalid("timerel needs timeAt, and between needs endTimeAt too")
    bounds: Mapping[str, tuple[datetime | None, datetime | None]] = {
        "before": (None, at),
        "after": (at, None),
        "between": (at, end),
    }
    if relation not in bounds:
        raise Invalid(f"timerel must be before, after or between, is {relation!r}")
    return Window(of, *bounds[relation])


def _time_of(request: Request, name: str) -> datetime | None:
    text = request.parameters.get(name)
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        raise Invalid(f"{name} must be a UTC time like 2026-01-31T12:00:00Z, is {text!r}")
    return found


def content_range(ask: TemporalQuery, part: Span) -> str:
    """From where the pages are counted to where this one ends (clause 6.3.10)."""
    since, until = (ask.window.since, ask.window.until) if ask.window else (None, None)
    if ask.last is not None:
        return f"date-time {_iso(until or part.last)}-{_iso(part.first)}/{ask.last}"
    return f"date-time {_iso(since or part.first)}-{_iso(part.last)}/*"


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
