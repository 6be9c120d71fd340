"""Reads what a shift leaves, with the rights of who asks."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.alerts.handover import report
from townsquare.alerts.handover.report import Numbers, Report
from townsquare.alerts.handover.shift import Shift
from townsquare.alerts.incidents.desk import CAMERA, Visitor
from townsquare.alerts.incidents.incident import INCIDENT
from townsquare.alerts.incidents.reading import NEWEST, OPEN
from townsquare.alerts.incidents.states import ENDED
from townsquare.alerts.load.reports import Reports
from townsquare.alerts.notify.staff import OnCall
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Condition, Page, Query
from townsquare.model.entity import iso
from townsquare.model.errors import Denied

MOST = 300  # of each kind: a longer report is read by nobody
UNSETTLED = parse('state!="NORMAL"')
FAILING = parse('status=="failing"')
SILENT = parse("active==true;(unheard==true|silences==true)")  # no data, or a box that is dead
Present = Callable[[], Sequence[str]]
Called = Callable[[datetime], Sequence[OnCall]]


def _ended(shift: Shift) -> Condition:
    states = ",".join(f'"{state}"' for state in sorted(ENDED))
    return parse(f"state=={states};state.observedAt>={iso(shift.since)}")


@dataclass(frozen=True, slots=True)
class Gathering:
    """`present` are the ids of operators who are signed in, `on_call` who is called at a moment."""

    broker: Broker
    reports: Reports
    present: Present
    on_call: Called

    async def report(self, shift: Shift, who: Visitor) -> Report:
        """Raises Denied."""
        alarms = await self._found(ALERT, UNSETTLED, who)
        cases = await self._found(INCIDENT, OPEN, who, newest=True)
        ended = await self._found(INCIDENT, _ended(shift), who, newest=True)
        lost = await self._found(CAMERA, FAILING, who)
        silent = await self._found(ALERT, SILENT, who)
        acked = parse(f"acknowledgedAt>={iso(shift.since)}")
        answered = await self._found(ALERT, acked, who)
        open_alarms = report.open_alarms(alarms.entities)
        incidents = [*cases.entities, *ended.entities]
        return Report(
            since=shift.since,
            until=shift.until,
            alarms=tuple(one for one in open_alarms if one.state not in report.ASIDE),
            aside=tuple(one for one in open_alarms if one.state in report.ASIDE),
            cases=report.in_shift(map(report.case, incidents), shift.since),
            lost=report.lost(lost.entities, silent.entities),
            load=await self._load(shift, who),
            present=tuple(self.present()),
            acted=tuple(
                report.acted([*alarms.entities, *answered.entities], incidents, shift.since)
            ),
            part=alarms.more or cases.more or lost.more or silent.more,
            on_call=tuple(self.on_call(shift.until)),
        )

    async def _found(self, type: str, q: Condition, who: Visitor, *, newest: bool = False) -> Page:
        order = NEWEST if newest else ()
        query = Query((type,), q=q, order=order, limit=MOST)
        return await self.broker.find(query, who.by, who.why)

    async def _load(self, shift: Shift, who: Visitor) -> Numbers | None:
        """None for who does not see every alarm."""
        with suppress(Denied):
            self.reports.require(who.by, who.why)
            return report.numbers(await self.reports.between(shift.since, shift.until))
        return None
