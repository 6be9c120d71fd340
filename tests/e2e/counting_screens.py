"""The program as it is, but for one thing: it says how many live connections it has."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from townsquare.cli import main
from townsquare.web import live
from townsquare.web.lookers import Lookers, Seat

SAID = "live connections: "


class Counted(Lookers):
    @contextmanager
    def seat(self, actor: str, wake: Callable[[], None]) -> Iterator[Seat]:
        """Each live connection takes one."""
        with super().seat(actor, wake) as taken:
            print(f"{SAID}{len(self._seats)}", flush=True)
            yield taken


if __name__ == "__main__":
    live.__dict__["Lookers"] = Counted
    main()
