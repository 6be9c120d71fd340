"""Reads files of CSV that somebody puts into a folder: each once, row by row.

Always holds: a file that is being written is left alone; what was read lies in done/ or refused/
with a text of what was wrong in it, once its rows are durable; a stop in the middle reads it again.
"""

import asyncio
import csv
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from townsquare.devices.intake import Intake, Message
from townsquare.devices.uplink import ADDRESS, MOST_PAYLOAD
from townsquare.devices.ways import Folder
from townsquare.model.errors import Unavailable

LOOK_S = 1.0
QUIET_S = 2.0  # a file that has not changed for so long is complete
AT_ONCE = 500  # rows in one transaction
MOST_TOLD = 100  # wrong lines that a text names
MOST_BYTES = 1_000_000_000
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watcher:
    source: Folder
    intake: Intake
    sizes: dict[Path, tuple[int, float, float]] = field(default_factory=dict)  # and since when

    async def run(self) -> None:
        """As a room; never returns."""
        while True:
            try:
                for file in await asyncio.to_thread(self._complete, self._now()):
                    await self._read(file)
                self.intake.tally.at(self.source.name)
                self.intake.tally.connected[self.source.name] = True
            except OSError as error:
                self.intake.tally.connected[self.source.name] = False
                self.intake.tally.at(self.source.name).refuse(f"the folder: {error}", b"")
                log.warning("folder %s: %s", self.source.name, error)
            except Unavailable as error:
                log.warning("folder %s: %s; it is read again", self.source.name, error)
            await asyncio.sleep(LOOK_S)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _complete(self, now: float) -> list[Path]:
        """By name, so that files that carry their day come in order. Raises OSError."""
        seen: dict[Path, tuple[int, float, float]] = {}
        Path(self.source.path).stat()  # glob finds nothing in a folder that is not there
        for file in sorted(Path(self.source.path).glob("*.csv")):
            if file.is_symlink() or not file.is_file():
                continue
            there = file.stat()
            size, changed, since = self.sizes.get(file, (-1, 0.0, now))
            same = (there.st_size, there.st_mtime) == (size, changed)
            seen[file] = (there.st_size, there.st_mtime, since if same else now)
        self.sizes = seen
        return [file for file, (_, _, since) in seen.items() if now - since >= QUIET_S]

    async def _read(self, file: Path) -> None:
        """Raises OSError or Unavailable."""
        wrong, count = list[str](), 0
        rows = _rows(file, self.source, wrong)
        try:
            while some := await asyncio.to_thread(lambda: list(islice(rows, AT_ONCE))):
                taken = await self.intake.take(some)
                count += len(some)
                wrong += taken.refused
        except (UnicodeDecodeError, csv.Error, ValueError) as error:
            wrong.append(f"it cannot be read on: {error}")
            count = 0
        await asyncio.to_thread(_put_away, file, count, wrong)
        self.sizes.pop(file, None)
        if wrong:
            self.intake.tally.at(self.source.name).refuse(f"{file.name}: {wrong[0]}", b"")


def _rows(file: Path, source: Folder, wrong: list[str]) -> Iterator[Message]:
    """Raises UnicodeDecodeError, csv.Error or ValueError for what is no such file."""
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES // 1_000_000} MB")
    with file.open(encoding="utf-8-sig", newline="") as text:
        table = csv.DictReader(text, delimiter=source.separator, strict=True)
        if source.device not in (table.fieldnames or ()):
            raise ValueError(f"its first line has no column {source.device!r}")
        for row in table:
            device = str(row.pop(source.device, "") or "").strip()
            values = {name: _cell(cell) for name, cell in row.items() if name and cell}
            content = json.dumps(values).encode()
            if None in row or not ADDRESS.fullmatch(device) or len(content) > MOST_PAYLOAD:
                if len(wrong) < MOST_TOLD:
                    wrong.append(f"line {table.line_num}: it names no device, or has other columns")
                continue
            yield Message(source.name, "json", device, content)


def _cell(text: str | list[str]) -> object:
    """A number where it is one; CSV has no types."""
    if not isinstance(text, str):
        return ""
    try:
        return float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text.strip().lower(), text.strip())


def _put_away(file: Path, count: int, wrong: list[str]) -> None:
    """Raises OSError."""
    into = file.parent / ("refused" if wrong and not count else "done")
    into.mkdir(exist_ok=True)
    target, n = into / file.name, 1
    while target.exists():
        target, n = into / f"{file.stem}.{n}{file.suffix}", n + 1
    if wrong:
        told = "\n".join([f"{count} rows were read.", *wrong[:MOST_TOLD], ""])
        target.with_suffix(".txt").write_text(told, encoding="utf-8")
    file.rename(target)
