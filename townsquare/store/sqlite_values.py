"""Index rows in SQLite: kept with the entity, made behind the writes, and where a search begins.

What a row says is in `values`, which paths have rows in `queried`.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import isqrt
from time import monotonic
from typing import TypeVar

from townsquare.model.change import Changed
from townsquare.model.errors import Unavailable
from townsquare.store import Find, Key
from townsquare.store.conditions import Atom, Path, Sql
from townsquare.store.queried import LEFT, Queried
from townsquare.store.sqlite_upkeep import Runs
from townsquare.store.values import Rows, columns, said_in, told, untold

PIECE = 500  # entities whose rows are made at once: some 10 ms of the writer
SWEPT = 2000  # rows that are taken out at once, likewise
FEW = 1000  # rows: so many are looked at rather than reckoned with
MANY = 20_000  # rows that a search may begin with; sorting them takes some 5 ms
DEARER = 4  # times a look at an entity takes longer than one at an index row
REMEMBERED_S = 10.0  # where a search begins, though the rows may be others by then
MOST_REMEMBERED = 1000

DROP = (
    "delete from attribute_value where path = ? and row ="
    " (select row from entity where tenant = ? and kind = ? and id = ?)"
)
ADD = (
    "insert into attribute_value (path, kind, number, text, alone, tenant, row)"
    " select ?, ?, ?, ?, ?, tenant, row from entity where tenant = ? and kind = ? and id = ?"
)
# A row may be there: an entity that changed while they were made has its rows already.
ADD_EARLIER = (
    "insert or ignore into attribute_value (path, kind, number, text, alone, tenant, row)"
    " values (?, ?, ?, ?, ?, ?, ?)"
)
EARLIER = (
    "select row, tenant, body from entity where row > ? and kind = 'context' order by row limit ?"
)
KEY = "path, tenant, kind, number, text, row"
SWEEP = (
    f"delete from attribute_value where ({KEY}) in"
    f" (select {KEY} from attribute_value where path = ? limit ?)"
)
ENDS = Sql("select row from entity order by row desc limit 1")

T = TypeVar("T")
Touched = dict[tuple[Key, Path], Rows]
Asked = tuple[str, tuple[str, ...], tuple[Atom, ...], int | None]


class Values:
    def __init__(self, db: sqlite3.Connection, write: Runs, declared: Collection[str]) -> None:
        self.queried = Queried(declared)
        self._write = write
        self._starts: dict[Asked, tuple[float, Sql | None]] = {}
        for number, path, upto in db.execute("select id, path, upto from queried"):
            if upto == LEFT:
                self.queried.know_left(number)
            else:
                self.queried.know(untold(path), number, ready=upto is None)

    def build(self) -> None:
        self.queried.build(self)

    def asked(self, paths: Sequence[Path]) -> None:
        self.queried.asked(paths, self)

    # --- keeping

    def touch(self, touched: Touched, key: Key, news: Changed) -> None:
        for path, rows in self.queried.moved(news):
            touched[key, path] = rows

    def refresh(self, db: sqlite3.Connection, touched: Touched) -> None:
        """After the entities were written."""
        numbers = self.queried.kept
        db.executemany(DROP, [(numbers[path], *key) for key, path in touched])
        added = [
            (numbers[path], *row, *key)
            for (key, path), rows in touched.items()
            for row in columns(rows.items())
        ]
        db.executemany(ADD, added)

    # --- making

    async def begin(self, path: Path) -> int:
        return await self._run(partial(_begin, path=told(path)))

    async def piece(self, number: int, path: Path) -> bool:
        return await self._run(partial(_piece, number=number, path=path))

    async def leave(self, number: int) -> None:
        await self._run(partial(_leave, number=number))

    async def sweep(self, number: int, first: Callable[[], None]) -> bool:
        return await self._run(partial(_sweep, number=number, first=first))

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._write(work)
        except sqlite3.Error as error:
            raise Unavailable(f"the database could not write ({error})") from error

    # --- searching

    def start(self, db: sqlite3.Connection, tenant: str, find: Find, *, page: bool) -> Sql | None:
        """The rows with which a search begins best; None where its types or all do."""
        ahead = find.offset + find.limit if page and not find.order else None
        asked = (tenant, find.types, find.compared.certain, ahead)
        known = self._starts.get(asked)
        if known is None or known[0] < monotonic():
            if len(self._starts) >= MOST_REMEMBERED:
                self._starts.clear()
            known = monotonic() + REMEMBERED_S, self._best(db, asked)
            self._starts[asked] = known
        return known[1]

    def may_start(self, atoms: Sequence[Atom]) -> bool:
        return any(atom.path in self.queried.ready for atom in atoms)

    def _best(self, db: sqlite3.Connection, asked: Asked) -> Sql | None:
        tenant, types, atoms, ahead = asked
        counted = [(_count(db, rows, FEW), rows) for rows in self.queried.starts(tenant, atoms)]
        if not counted:
            return None
        number, rows = min(counted, key=lambda one: one[0])
        if types and _count(db, _of_types(tenant, types), number + 1) <= number:
            return None
        most = min(MANY, _worth(db, ahead))
        if number < FEW:
            return rows if number < most else None
        return None if _has_more(db, rows, most) else rows


def _worth(db: sqlite3.Connection, ahead: int | None) -> int:
    """With fewer rows than these a search begins better than with all entities: of so many it would
    look at a share, until so many are found ahead, that is the smaller the more there are.
    """
    [[everything]] = db.execute(ENDS.text).fetchall() or [(0,)]
    return DEARER * everything if ahead is None else isqrt(DEARER * ahead * everything)


def _has_more(db: sqlite3.Connection, rows: Sql, than: int) -> bool:
    """Faster than counting them."""
    text = f"select 1 from ({rows.text} limit 1 offset ?)"
    return db.execute(text, (*rows.parameters, than)).fetchone() is not None


def _of_types(tenant: str, types: Sequence[str]) -> Sql:
    marks = ", ".join("?" * len(types))
    text = f"select row from entity_type where tenant = ? and type in ({marks})"
    return Sql(text, (tenant, *types))


def _count(db: sqlite3.Connection, rows: Sql, most: int) -> int:
    text = f"select count(*) from ({rows.text} limit ?)"
    return int(db.execute(text, (*rows.parameters, most)).fetchone()[0])


def _begin(db: sqlite3.Connection, path: str) -> int:
    db.execute("insert or ignore into queried (path, upto) values (?, 0)", (path,))
    return int(db.execute("select id from queried where path = ?", (path,)).fetchone()[0])


def _piece(db: sqlite3.Connection, number: int, path: Path) -> bool:
    [upto] = db.execute("select upto from queried where id = ?", (number,)).fetchone()
    entities = db.execute(EARLIER, (upto, PIECE)).fetchall()
    db.executemany(ADD_EARLIER, [row for e in entities for row in _earlier(number, path, *e)])
    more = len(entities) == PIECE
    last = entities[-1][0] if more else None
    db.execute("update queried set upto = ? where id = ?", (last, number))
    return more


def _leave(db: sqlite3.Connection, number: int) -> None:
    db.execute("update queried set path = 'left ' || id, upto = ? where id = ?", (LEFT, number))


def _sweep(db: sqlite3.Connection, number: int, first: Callable[[], None]) -> bool:
    first()
    if db.execute(SWEEP, (number, SWEPT)).rowcount == SWEPT:
        return True
    db.execute("delete from queried where id = ?", (number,))
    return False


def _earlier(
    number: int, path: Path, row: int, tenant: str, body: str
) -> list[tuple[str | float, ...]]:
    return [(number, *one, tenant, row) for one in columns(said_in(body, path).items())]
