"""How devices and their ways in are heard: counted as it comes, told every few seconds. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from townsquare.devices.device import device_id
from townsquare.devices.types import SOURCE, STATUS
from townsquare.devices.uplink import FIRST_BYTES
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso, relationship, urn

MOST_WHY = 300


@dataclass(slots=True)
class Count:
    """`why` and `began` are of the last message that was refused, `began` its first bytes. `last`
    is what one that waits to be accepted said, with its port: somebody can see how it reads.
    """

    heard: int = 0
    refused: int = 0
    at: datetime | None = None
    why: str = ""
    began: str = ""
    quiet_until: datetime | None = None
    last: tuple[bytes, int] | None = None

    def refuse(self, why: str, message: bytes) -> None:
        self.refused += 1
        self.why, self.began = why[:MOST_WHY], message[:FIRST_BYTES].hex(" ")


@dataclass(slots=True)
class Tally:
    devices: dict[tuple[str, str], Count] = field(default_factory=dict)
    sources: dict[str, Count] = field(default_factory=dict)
    connected: dict[str, bool] = field(default_factory=dict)
    _news: set[tuple[str, str]] = field(default_factory=set)

    def of(self, source: str, address: str) -> Count:
        self._news.add((source, address))
        return self.devices.setdefault((source, address), Count())

    def at(self, source: str) -> Count:
        return self.sources.setdefault(source, Count())

    def told(self, now: datetime) -> Iterator[Change]:
        """Once, of what is new since the last time."""
        news, self._news = self._news, set()
        for source, address in news:
            count = self.devices[source, address]
            quiet = bool(count.quiet_until and now < count.quiet_until)
            if quiet:
                self._news.add((source, address))  # its end is news too
            yield _merged(
                urn(STATUS, f"{source}:{address}"),
                STATUS,
                count,
                refDevice=relationship(device_id(source, address)),
                quarantined=Attribute(quiet),
            )
        for name, count in self.sources.items():
            told = {"name": Attribute(name)}
            if name in self.connected:
                told["connected"] = Attribute(self.connected[name])
            yield _merged(urn(SOURCE, name), SOURCE, count, **told)


def _merged(id: str, type: str, count: Count, **more: Attribute) -> Change:
    told = {
        "messageCount": Attribute(count.heard),
        "rejectedCount": Attribute(count.refused),
        **more,
    }
    if count.at:
        told["dateLastValueReported"] = Attribute(iso(count.at))
    if count.why:
        told["lastRejection"] = Attribute(count.why)
        told["lastRejectedBytes"] = Attribute(count.began)
    given = {name: (attribute,) for name, attribute in told.items()}
    return Change("merge", Entity(id, (type,), given), upsert=True)
