"""The past of one entity as news, in the order of its observations. Pure.

Always holds: what the news say is found by the very lookout that follows the living town.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from townsquare.alerts.lookout import Lookout
from townsquare.alerts.sight import Answers, Ended, Finding, Raised
from townsquare.model.change import Changed
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json
from townsquare.model.rule import Rule


class Told(NamedTuple):
    """An instance of an attribute, and when it was so."""

    at: datetime
    name: str
    instance: Attribute


class Occurrence(NamedTuple):
    """`until` None: it still lasted at the end."""

    alarm: str
    source: str
    since: datetime
    until: datetime | None
    value: Json


def news(bare: Entity, before: Iterable[Told], within: Iterable[Told]) -> Iterator[Changed]:
    """`bare` is the entity with what never changed in that time. How it was before is one piece
    of news, of the latest moment of that.
    """
    earlier = list(before)
    start = max((told.at for told in earlier), default=None)
    steps = [(start, earlier)] if start else []
    later = sorted(within, key=itemgetter(0))
    steps += [(at, list(told)) for at, told in groupby(later, key=itemgetter(0))]
    present: Entity | None = None
    for seq, (at, told) in enumerate(steps, 1):
        then = _after(present or bare, told)
        names = {one.name for one in told} if present else then.attributes.keys()
        yield Changed(seq, at, "", "", present, then, frozenset(names))
        present = then


def _after(entity: Entity, told: Sequence[Told]) -> Entity:
    attributes: dict[str, Instances] = dict(entity.attributes)
    for _, name, instance in told:
        rest = [i for i in attributes.get(name, ()) if i.dataset_id != instance.dataset_id]
        gone = instance.deleted_at is not None or instance.value == NULL
        attributes[name] = tuple(rest if gone else [*rest, instance])
    return msgspec.structs.replace(
        entity, attributes={name: there for name, there in attributes.items() if there}
    )


def replayed(
    rule: Rule,
    story: Iterable[Changed],
    answers: Mapping[int, Answers],
    until: datetime,
    zone: ZoneInfo,
) -> list[Finding]:
    """`answers` about the entity after each of the news, by its number."""
    lookout, found = Lookout([rule], {}, 0, zone), []
    for changed in story:
        found += lookout.read(changed, answers[changed.seq])
    return found + lookout.elapse(until)


def occurrences(findings: Iterable[Finding], since: datetime) -> list[Occurrence]:
    """Those that were raised from `since` on."""
    open: dict[str, Occurrence] = {}
    done: list[Occurrence] = []
    for finding in findings:
        if isinstance(finding, Raised):
            source = finding.source.id
            open[finding.alert] = Occurrence(finding.alert, source, finding.at, None, finding.value)
        elif isinstance(finding, Ended) and (begun := open.pop(finding.alert, None)):
            done.append(begun._replace(until=finding.at))
    return [one for one in (*done, *open.values()) if one.since >= since]
