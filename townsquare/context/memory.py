"""What was worked out lately, so that it is not worked out again.

Always holds: it is never larger than twice `most`, and safe for several threads: a lost race
costs one more working out, nothing else.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Two generations; the older one goes as a whole, so that no look has to note who was last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> V:
        self._young[key] = value
        if len(self._young) > self._most:
            self._old, self._young = self._young, {}
        return value
