"""Which paths have index rows: those that a room declares, and those that are asked for often.

Always holds: a change writes the rows of what is `kept`, in its own transaction; what is `ready`
has the rows of every entity. Between the two the rows of what was there before are made, piece by
piece between commits, and a restart goes on with it.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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

log = logging.getLogger(__name__)


class Keeping(Protocol):
    """The tables of a store. Raises Unavailable."""

    async def begin(self, path: Path) -> int:
        """The number of the path, from now on one that rows are kept of."""
        ...

    async def piece(self, number: int, path: Path) -> bool:
        """Makes rows of some more entities, while nobody writes. Whether there are others."""
        ...


class Queried:
    def __init__(self, declared: Collection[str] = ()) -> None:
        self.kept: Mapping[Path, int] = {}  # and their numbers
        self.ready: frozenset[Path] = frozenset()
        self._of: Mapping[str, Sequence[Path]] = {}  # those kept, by attribute
        self._asked: Counter[Path] = Counter()
        self._wanted = [Path(name) for name in sorted(declared)]
        self._building: asyncio.Task[None] | None = None

    def know(self, path: Path, number: int, *, ready: bool) -> None:
        """Others may be reading: what is there is replaced, not changed."""
        self.kept = {**self.kept, path: number}
        of: defaultdict[str, list[Path]] = defaultdict(list)
        for one in self.kept:
            of[one.attribute].append(one)
        self._of = of
        if ready:
            self.ready |= {path}

    # --- asking

    @property
    def edition(self) -> int:
        """Another one when more is ready."""
        return len(self.ready)

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
            if path in self.kept or not indexable(path):
                continue
            self._asked[path] += 1
            if self._asked[path] == ASKED:
                self._wanted.append(path)
                self.build(keeping)
            elif len(self._asked) > MOST_COUNTED:
                self._asked.clear()

    def build(self, keeping: Keeping) -> None:
        """In the background: what was begun earlier, is declared or was asked for often."""
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build(keeping), name="index-rows")

    async def stop(self) -> None:
        if self._building:
            self._building.cancel()
            await asyncio.gather(self._building, return_exceptions=True)

    async def _build(self, keeping: Keeping) -> None:
        while path := self._next():
            try:
                await self._index(path, keeping)
            except Unavailable as error:
                log.warning("%s is not indexed for now: %s", path.attribute, error)
                await asyncio.sleep(RETRY_S)

    def _next(self) -> Path | None:
        begun = next((path for path in self.kept if path not in self.ready), None)
        if begun is None:
            self._wanted = [path for path in self._wanted if path not in self.kept]
        return begun or next(iter(self._wanted if len(self.kept) < MOST else ()), None)

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


def _rows(entity: Entity | None, path: Path) -> Rows:
    return said(entity.attributes.get(path.attribute, ()), path) if entity else {}
