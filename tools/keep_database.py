"""Keep a small database as this program makes it, for tests of the programs that come after it.

    PYTHONPATH=. python tools/keep_database.py

Writes tests/data/databases/STORE-SCHEMA.tar.gz: a backup, what the town answered when it was made,
and the tables of a server. To be run before SCHEMA of a store is counted up, and kept for ever.
"""

import asyncio
import json
import tarfile
import tempfile
from pathlib import Path

import msgspec

from tests import keeping
from tests.postgres import server
from townsquare.app import Settings, Store
from townsquare.app.backup import making
from townsquare.app.backup.manifest import NAME, read, written
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.store import copies, open_store
from townsquare.trust import audit
from townsquare.trust.policy import policy

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests" / "data" / "databases"
TABLES = ROOT / "townsquare" / "store" / "postgres.sql"
SHOWN = "postgresql:///kept"  # instead of where that server was


async def lived(url: str, data: Path) -> keeping.Answers:
    broker = Broker(open_store(url, data), open_bus("memory:"), policy(audit.TYPES))
    await broker.store.ready()
    await keeping.lived(broker, data)
    await broker.store.seal(keeping.START + keeping.DAY)
    found = await keeping.answers(broker)
    await broker.store.close()
    return found


def keep(url: str, folder: Path) -> None:
    name = f"{copies.kind(url)}-{copies.schema(copies.kind(url))}.tar.gz"
    (folder / "data").mkdir()
    answers = asyncio.run(lived(url, folder / "data"))
    settings = Settings(store=Store(url))
    making.backup(settings, folder / "none", folder / "data", folder / "backup", lambda *_: None)
    manifest = folder / "backup" / NAME
    if copies.kind(url) == copies.POSTGRESQL:
        (folder / "tables.sql").write_text(TABLES.read_text())
        shown = msgspec.structs.replace(read(manifest.read_bytes(), NAME), url=SHOWN)
        manifest.write_bytes(written(shown))
    (folder / "answers.json").write_text(json.dumps(answers, sort_keys=True))
    KEPT.mkdir(parents=True, exist_ok=True)
    with tarfile.open(KEPT / name, "x:gz") as kept:
        for part in ("backup", "answers.json", "tables.sql"):
            if (folder / part).exists():
                kept.add(folder / part, part, filter=anonymous)
    print(KEPT / name)


def anonymous(file: tarfile.TarInfo) -> tarfile.TarInfo:
    file.uid = file.gid = file.mtime = 0
    file.uname = file.gname = ""
    return file


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there:
        keep("sqlite:townsquare.db", Path(there))
    with tempfile.TemporaryDirectory() as there, server() as started:
        keep(started.url, Path(there))
