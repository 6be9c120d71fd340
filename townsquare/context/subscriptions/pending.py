"""What one subscriber has not been told yet. Pure.

Of each entity it is remembered how it was when it was last told; its newest state is looked up
when the notification is written. So many changes of one entity make one notification, with all
that changed between; that an entity was deleted is told even if it has come back since.
"""

from datetime import datetime
from typing import NamedTuple

from townsquare.model.change import Changed
from townsquare.model.entity import Entity

MOST = 10_000  # entities that wait for one subscriber; the oldest gives way


class Item(NamedTuple):
    """`before` is None for an entity that is new; `gone` is how it was when it was deleted."""

    before: Entity | None
    gone: Entity | None
    at: datetime


Items = dict[str, Item]


class Pending:
    def __init__(self) -> None:
        self.items: Items = {}
        self._again: Items = {}  # entities that came back, told after the news that they went
        self._first = 0  # sequence number of the first change in it, 0 when it is empty
        self._last = 0
        self._under_way = 0  # first change of what was taken and has not been told yet
        self.lost = 0

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def since(self) -> int:
        """The first change that its subscriber has not been told of; 0 when there is none."""
        return self._under_way or self._first

    def add(self, news: Changed) -> None:
        self._first = self._first or news.seq
        self._last = news.seq
        gone = news.before if news.after is None else None
        self._put(news.subject.id, Item(news.before, gone, news.at))
        while len(self.items) > MOST:
            self.items.pop(next(iter(self.items)))
            self.lost += 1

    def _put(self, id: str, item: Item) -> None:
        waiting = self.items.get(id)
        if waiting is None:
            self.items[id] = item
        elif waiting.gone is None:
            self.items[id] = Item(waiting.before, item.gone, item.at)
        elif item.gone is None:
            self._again.setdefault(id, item)
        else:
            self._again.pop(id, None)

    def take(self) -> tuple[Items, int]:
        """All that can be told at once, and the sequence number up to which it is all."""
        items, self.items, self._again = self.items, self._again, {}
        self._under_way = self._first
        self._first = self._first if self.items else 0
        return items, (self._first - 1 if self.items else self._last)

    def told(self) -> None:
        self._under_way = 0

    def put_back(self, items: Items) -> None:
        """What was taken could not be told; what came meanwhile is told together with it."""
        meanwhile = [*self.items.items(), *self._again.items()]
        self.items, self._again = dict(items), {}
        for id, item in meanwhile:
            self._put(id, item)
        self._first, self._under_way = self._under_way or self._first, 0
