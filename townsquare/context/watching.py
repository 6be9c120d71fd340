"""News as one actor may see them, for who keeps up by leaving out intermediate states."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from townsquare.bus.memory import Watch
from townsquare.model.change import Changed


class Watching:
    def __init__(
        self,
        watch: Watch,
        tenant: str,
        shown: Callable[[Changed], Changed | None],
        looked: Callable[[Changed], Awaitable[None]] | None = None,
    ) -> None:
        """`looked` is told what is shown, before it is."""
        self._watch = watch
        self._tenant = tenant
        self._shown = shown
        self._looked = looked

    @property
    def closed(self) -> bool:
        return self._watch.closed

    def wake(self) -> None:
        """Whoever waits for news hears that there was none so far."""
        self._watch.wake()

    def close(self) -> None:
        """Whoever waits for news hears that there will be none."""
        self._watch.close()

    async def next(self, within_s: float | None = None) -> Changed | None:
        """None when there was none in that time, and when it is closed."""
        end_s = None if within_s is None else monotonic() + within_s
        while changed := await self._watch.next(end_s and max(0.0, end_s - monotonic())):
            if changed.tenant == self._tenant and (news := self._shown(changed)):
                if self._looked:
                    await self._looked(news)
                return news
        return None

    async def __aiter__(self) -> AsyncIterator[Changed]:
        while news := await self.next():
            yield news
