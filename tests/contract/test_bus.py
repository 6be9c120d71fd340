"""What every bus promises to those who watch."""

import asyncio
from datetime import UTC, datetime

import pytest

from townsquare.bus import open_bus
from townsquare.bus.memory import MemoryBus
from townsquare.model.change import Changed
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import Invalid

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory:"])
def bus(request: pytest.FixtureRequest) -> MemoryBus:
    return open_bus(request.param)


def bin_(name: str, level: int) -> Entity:
    return entity(f"urn:ngsi-ld:Bin:{name}", "Bin", level=Attribute(level))


def news(seq: int, before: Entity | None, after: Entity | None, *names: str) -> Changed:
    return Changed(seq, NOON, "machine:test", "", before, after, frozenset(names))


async def heard(bus: MemoryBus, *told: Changed) -> list[Changed]:
    """What a watcher of bins gets that was busy while all this was told."""
    watch = bus.watch({"Bin"})
    bus.tell(told)
    bus.tell([news(99, None, bin_("last", 0))])
    found: list[Changed] = []
    async with asyncio.timeout(60):
        async for changed in watch:
            if changed.seq == 99:
                break
            found.append(changed)
    watch.close()
    return found


async def test_news_come_in_order_and_of_the_types_asked_for(bus: MemoryBus) -> None:
    lamp = news(2, None, entity("urn:ngsi-ld:Lamp:1", "Lamp"))
    told = [news(1, None, bin_("a", 1)), lamp, news(3, None, bin_("b", 1))]
    assert [n.seq for n in await heard(bus, *told)] == [1, 3]


async def test_a_slow_watcher_gets_what_changed_in_all_since_it_last_looked(bus: MemoryBus) -> None:
    first, last = bin_("a", 1), bin_("a", 3)
    told = [news(1, first, bin_("a", 2), "level"), news(2, bin_("a", 2), last, "lid")]
    assert await heard(bus, *told) == [news(2, first, last, "level", "lid")]


async def test_a_watcher_that_left_costs_nothing(bus: MemoryBus) -> None:
    watch = bus.watch()
    watch.close()
    assert bus.watches == set()
    assert [n async for n in watch] == []


async def test_readers_of_the_outbox_are_woken(bus: MemoryBus) -> None:
    with bus.bell() as bell:
        bus.tell([news(1, None, bin_("a", 1))])
        await asyncio.wait_for(bell.wait(), 5)


def test_an_unknown_bus_is_named() -> None:
    with pytest.raises(Invalid, match="carrier-pigeon:"):
        open_bus("carrier-pigeon:")
