"""The room of devices: each way in as a task of its own, and one intake for all."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from townsquare.context import outgoing
from townsquare.context.broker import Broker
from townsquare.devices.flood import Floods
from townsquare.devices.folder import Watcher
from townsquare.devices.intake import Intake
from townsquare.devices.kinds import kinds
from townsquare.devices.modbus import Poller
from townsquare.devices.mqtt import Listener
from townsquare.devices.settings import Settings

Run = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Listening:
    """`reveal` gives the value behind secret:NAME."""

    intake: Intake
    settings: Settings
    allowed: outgoing.Allowed
    reveal: Callable[[str], str]
    ready: asyncio.Event = field(default_factory=asyncio.Event)  # what was known of devices is read

    @property
    def sources(self) -> frozenset[str]:
        """Names of the ways in."""
        return frozenset(self.settings.names)

    def rooms(self, town: str) -> Mapping[str, Run]:
        heard: dict[str, Run] = {"devices": self._tell}
        for source in self.settings.mqtt:
            sum = hashlib.sha256(f"{town}\n{source.name}".encode()).hexdigest()[:8]
            listener = Listener(source, self.intake, self.allowed, self.reveal, f"townsquare-{sum}")
            heard[f"devices of {source.name}"] = self._once_ready(listener.run)
        for host in self.settings.modbus:
            poller = Poller(host, self.intake, self.allowed)
            heard[f"devices of {host.name}"] = self._once_ready(poller.run)
        for folder in self.settings.folder:
            watcher = Watcher(folder, self.intake)
            heard[f"devices of {folder.name}"] = self._once_ready(watcher.run)
        return heard

    async def _tell(self) -> None:
        await self.intake.open()
        self.ready.set()
        await self.intake.run()

    def _once_ready(self, run: Run) -> Run:
        async def when() -> None:
            await self.ready.wait()
            await run()

        return when


def listening(
    broker: Broker,
    settings: Settings,
    allowed: outgoing.Allowed,
    reveal: Callable[[str], str],
) -> Listening:
    floods = Floods(settings.a_minute, settings.burst)
    files = frozenset(folder.name for folder in settings.folder)
    intake = Intake(broker, kinds(settings.kind), floods, unhurried=files)
    return Listening(intake, settings, allowed, reveal)
