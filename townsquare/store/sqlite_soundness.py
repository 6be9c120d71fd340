"""Whether a SQLite file is well, as far as can be read in a moment while somebody writes there."""

import sqlite3
from pathlib import Path
from time import monotonic

from townsquare.store.soundness import Soundness
from townsquare.store.sqlite_functions import register

LONGEST_S = 4.0  # a longer read would keep the write-ahead log from being folded in


def of_file(path: Path) -> Soundness:
    """Reads it beside whoever writes, and changes nothing."""
    wal = path.with_name(f"{path.name}-wal")
    try:
        size, beside = path.stat().st_size, wal.stat().st_size if wal.exists() else 0
        trouble, whole = _read_through(path)
    except (OSError, sqlite3.Error) as error:
        return Soundness("SQLite", trouble=str(error))
    return Soundness("SQLite", size, beside, trouble, whole)


def _read_through(path: Path) -> tuple[str, bool]:
    """The first thing that is wrong, and whether it was read to its end. Raises sqlite3.Error."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LONGEST_S)
    end = monotonic() + LONGEST_S
    try:
        register(db)
        db.set_progress_handler(lambda: monotonic() > end, 100_000)
        (found,) = db.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return "", False
    finally:
        db.close()
    return ("" if found == "ok" else str(found)), True
