"""Shelves that end at the same moment bring their alarms back within the rows of a flood: critical
ones too, and none is lost.
"""

from datetime import datetime, timedelta

from tests.contract.alerts.test_silence import is_so, says
from tests.contract.alerts.town import CHIEF, Clock, Town, commanding
from townsquare.model.entity import iso
from townsquare.model.rule import Rule

NUMBER = 14
RULES = tuple(
    Rule(f"gas-{n}", "Gas leaks", "Eye", f"gas{n}", 1, 0, scope="", severity="critical")
    for n in range(NUMBER)
)


async def test_critical_alarms_whose_shelves_end_together_open_at_most_ten_rows(
    town: Town, clock: Clock
) -> None:
    async def states(state: str) -> bool:
        found = await town.alerts()
        return [one.value("state") for one in found] == [state] * NUMBER

    async with town.alerting(*RULES):
        for n in range(NUMBER):
            leak = {f"gas{n}": 1.0}
            await says(town, f"urn:ngsi-ld:Eye:{n}", on="", **leak)
        await is_so(lambda: states("UNACK"))
        until = iso(clock.now + timedelta(hours=1))
        for alarm in await town.alerts():
            answer = await commanding(town, alarm.id)(CHIEF, "shelve", reason="test", until=until)
            assert answer.status_code == 200, answer.text
        await town.caught_up()
        clock.pass_s(3601)
        await is_so(lambda: states("UNACK"))
        back = await town.alerts()
    assert all(datetime.fromisoformat(str(one.value("rowSince"))) >= clock.now for one in back)
    rows = [one.value("row") for one in back]
    assert all(rows)
    assert 2 < len(set(rows)) <= 10
