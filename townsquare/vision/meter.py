"""What a worker spends of processor time, a second at a time, by the clocks of the system."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from townsquare.vision.budget import Spent

EVERY_S = 1.0


@dataclass(slots=True)
class Meter:
    """Used by the thread that analyses."""

    since_s: float = field(default_factory=time.monotonic)
    before_cpu_s: float = field(default_factory=time.process_time)
    analysing_s: float = 0.0
    analysing_cpu_s: float = 0.0
    pictures: int = 0

    @contextmanager
    def analysing(self, picture: bool) -> Iterator[None]:
        """While this, a picture is analysed; or news is told that there is none."""
        at_s, cpu_s = time.monotonic(), time.thread_time()
        yield
        self.analysing_s += time.monotonic() - at_s
        self.analysing_cpu_s += time.thread_time() - cpu_s
        self.pictures += picture

    def second(self) -> Spent | None:
        """Once a second what was spent in it."""
        for_s = time.monotonic() - self.since_s
        if for_s < EVERY_S:
            return None
        cpu_s = time.process_time()
        spent = Spent(
            for_s,
            cpu_s - self.before_cpu_s,
            self.analysing_s,
            self.analysing_cpu_s,
            self.pictures,
        )
        self.since_s, self.before_cpu_s = self.since_s + for_s, cpu_s
        self.analysing_s, self.analysing_cpu_s, self.pictures = 0.0, 0.0, 0
        return spent
