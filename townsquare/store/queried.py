"""Which paths have index rows: those that a room declares, and those that are asked for often.

Always holds: a change writes the rows of what is `kept`, in its own transaction; what is `ready`
has the rows of every entity. Between the two the rows of what was there before are made, piece by
piece between commits, and a restart goes on with it.

What nobody asked for in a week gives its slot back, and sooner where another path waits for one. It
is no more `ready` at once, no more `kept` when no question that was begun with it can be under way,
and its rows go piece by piece under a number that no other path gets before they are gone.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Protocol

from townsquare.model.change import Changed
from townsquare.model.entity import Entity
from townsquare.model.errors import Unavailable
from townsquare.store.conditions import Atom, Comparison, Literal_, Path, Range, Sql
from townsquare.store.values import Kind, Rows, compared, fits, indexable, said

ASKED = 100  # questions
MOST = 32  # paths: each costs a change of it some 20 µs
MOST_COUNTED = 1000  # paths that are asked for now and then; names may be invented
MOST_STARTS = 4  # atoms of one question that are tried
PAUSE_S = 0.02  # between two pieces, for those who wait to write
RETRY_S = 60.0
MOST_WAITING = 32  # paths that want a slot
IDLE_S = 3600.0  # since a path was asked for, so that its slot can be another's
FORGOTTEN_S = 7 * 24 * 3600.0  # and so that it is given back, whoever wants it
GRACE_S = 30.0  # longer than a question lasts, and than it is remembered where one begins
LEFT = -1  # `upto` in the table, of a path that has given back its slot

log = logging.getLogger(__name__)


class Keeping(Protocol):
    """The tables of a store. Raises Unavailable."""

    async def begin(self, path: Path) -> int:
        """The number of the path, from now on one that rows are kept of."""
        ...

    async def piece(self, number: int, path: Path) -> bool:
        """Makes rows of some more entities, while nobody writes. Whether there are others."""
        ...

    async def leave(self, number: int) -> None:
        """The path of that number has no rows any more that could be relied on."""
        ...

    async def sweep(self, number: int, first: Callable[[], None]) -> bool:
        """Calls `first` and takes out some rows, while nobody writes. Whether there are others;
        if not, the number is free.
        """
        ...


class Queried:
    def __init__(self, declared: Collection[str] = ()) -> None:
        self.kept: Mapping[Path, int] = {}  # and their numbers
        self.ready: frozenset[Path] = frozenset()
        self._of: Mapping[str, Sequence[Path]] = {}  # those kept, by attribute
        self._asked: Counter[Path] = Counter()
        self._declared = frozenset(map(Path, declared))
        self._wanted = [Path(name) for name in sorted(declared)]
        self._last: dict[Path, float] = {}  # when what is kept was asked for
        self._left: set[int] = set()  # numbers whose rows are still to go
        self._edition = 0
        self._building: asyncio.Task[None] | None = None

    def know(self, path: Path, number: int, *, ready: bool) -> None:
        """Others may be reading: what is there is replaced, not changed."""
        self._keep({**self.kept, path: number})
        self._last.setdefault(path, monotonic())
        if ready and path not in self.ready:
            self.ready |= {path}
            self._edition += 1

    def know_left(self, number: int) -> None:
        self._left.add(number)

    def _keep(self, kept: Mapping[Path, int]) -> None:
        of: defaultdict[str, list[Path]] = defaultdict(list)
        for one in kept:
            of[one.attribute].append(one)
        self.kept, self._of = kept, of

    # --- asking

    @property
    def edition(self) -> int:
        """Another one when other paths are ready."""
        return self._edition

    def there(self, path: Path) -> Sql | None:
        if path not in self.ready:
            return None
        text = "select 1 from attribute_value x where x.row = e.row and x.path = ?"
        return Sql(f"exists ({text})", (self.kept[path],))

    def holds(
        self,
        path: Path,
        comparison: Comparison,
        operand: Literal_ | Range,
        plain: Sql,
        like: Callable[[str, str], Sql],
    ) -> Sql:
        """The same as `plain`, by rows where that is possible."""
        if path.member == "type" and (comparison, operand) == ("==", "VocabProperty"):
            return self._is_vocabulary(Path(path.attribute, path.sub)) or plain
        if path not in self.ready:
            return plain
        by_rows = (
            fits(like("x.text", str(operand)))
            if comparison == "~="
            else compared(comparison, operand)
        )
        text = (
            "select 1 from attribute_value x where x.row = e.row and x.path = ?"
            f" and (({by_rows.text}) or (x.kind = {Kind.MORE:d} and {plain.text}))"
        )
        parameters = (self.kept[path], *by_rows.parameters, *plain.parameters)
        return Sql(f"exists ({text})", parameters)

    def _is_vocabulary(self, path: Path) -> Sql | None:
        there = self.there(path)
        text = f"{there.text[:-1]} and x.kind = {Kind.VOCABULARY:d})" if there else ""
        return Sql(text, there.parameters) if there else None

    def starts(self, tenant: str, atoms: Iterable[Atom]) -> Iterator[Sql]:
        """Selections of the rows among which are all that fulfil an atom."""
        fit = (a for a in atoms if a.path in self.ready and a.comparison != "~=")
        for atom, _ in zip(fit, range(MOST_STARTS), strict=False):
            tests = [compared(atom.comparison, operand) for operand in atom.operands]
            tests.append(Sql(f"x.kind = {Kind.MORE:d}"))
            one = "select x.row from attribute_value x where x.path = ? and x.tenant = ? and {}"
            text = " union all ".join(one.format(f"({test.text})") for test in tests)
            found = ((self.kept[atom.path], tenant, *test.parameters) for test in tests)
            yield Sql(text, tuple(value for values in found for value in values))

    # --- keeping

    def moved(self, news: Changed) -> Iterator[tuple[Path, Rows]]:
        """Paths of an entity that has other rows after the change, with these."""
        if self._of:
            for path in (path for name in news.attributes for path in self._of.get(name, ())):
                rows = _rows(news.after, path)
                # What begins anew in one transaction with its end begins without rows.
                if news.before is None or rows != _rows(news.before, path):
                    yield path, rows

    # --- making

    def asked(self, paths: Iterable[Path], keeping: Keeping) -> None:
        """Counts what is asked for, and begins to index what is asked for often."""
        for path in paths:
            if path in self.ready:
                self._last[path] = monotonic()
            elif path not in self.kept and indexable(path):
                self._count(path, keeping)

    def _count(self, path: Path, keeping: Keeping) -> None:
        self._asked[path] += 1
        if self._asked[path] % ASKED == 0:  # again, where there was no slot before
            if path not in self._wanted and len(self._wanted) < MOST_WAITING:
                self._wanted.append(path)
            self.build(keeping)
        elif len(self._asked) > MOST_COUNTED:
            self._asked.clear()

    def build(self, keeping: Keeping) -> None:
        """In the background: what was begun earlier, is declared or was asked for often; and what
        is not asked for any more goes.
        """
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build(keeping), name="index-rows")

    async def stop(self) -> None:
        if self._building:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)

    async def _build(self, keeping: Keeping) -> None:
        while work := self._next(keeping):
            try:
                await work
            except Unavailable as error:
                log.warning("index rows stay as they are for now: %s", error)
                await asyncio.sleep(RETRY_S)

    def _next(self, keeping: Keeping) -> Awaitable[None] | None:
        if self._left:
            return self._sweep(min(self._left), keeping)
        if spare := self._spare(FORGOTTEN_S):
            return self._give_back(spare, keeping)
        if begun := next((path for path in self.kept if path not in self.ready), None):
            return self._index(begun, keeping)
        self._wanted = [path for path in self._wanted if path not in self.kept]
        if self._wanted and len(self.kept) < MOST:
            return self._index(self._wanted[0], keeping)
        spare = self._spare(IDLE_S) if self._wanted else None
        return self._give_back(spare, keeping) if spare else None

    def _spare(self, idle_s: float) -> Path | None:
        """What was asked for least recently, so long ago."""
        since = monotonic() - idle_s
        idle = [p for p in self.kept if p not in self._declared and self._last[p] <= since]
        return min(idle, key=self._last.__getitem__, default=None)

    async def _index(self, path: Path, keeping: Keeping) -> None:
        number = self.kept.get(path)
        if number is None:
            number = await keeping.begin(path)
            self.know(path, number, ready=False)
        more = True
        while more:
            more = await keeping.piece(number, path)
            await asyncio.sleep(PAUSE_S)
        self.know(path, number, ready=True)

    async def _give_back(self, path: Path, keeping: Keeping) -> None:
        number = self.kept[path]
        self.ready -= {path}
        self._edition += 1
        self._asked.pop(path, None)
        await asyncio.sleep(GRACE_S)
        if path not in self.ready:  # unless the database was lost meanwhile, and says that it is
            await keeping.leave(number)
            self._left.add(number)

    async def _sweep(self, number: int, keeping: Keeping) -> None:
        more = True
        while more:
            more = await keeping.sweep(number, lambda: self._leave(number))
            await asyncio.sleep(PAUSE_S)
        self._left.discard(number)

    def _leave(self, number: int) -> None:
        self._keep({path: n for path, n in self.kept.items() if n != number})
        self._last = {path: at for path, at in self._last.items() if path in self.kept}


def _rows(entity: Entity | None, path: Path) -> Rows:
    return said(entity.attributes.get(path.attribute, ()), path) if entity else {}
