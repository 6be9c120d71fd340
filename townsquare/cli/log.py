"""`townsquare log`: export from the log, and verify it or what was exported.

Verifying is the verifier's work, which shares no code with what writes the log; here is only where
its entries and files come from.
"""

import base64
import io
import sqlite3
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from townsquare.cli import inside, verifier
from townsquare.cli.run import DataFolder
from townsquare.cli.verifier import Entry, Head, Wrong
from townsquare.model.errors import CannotStart, Invalid

Key = Annotated[str, typer.Option(help="Verifier key of the log.", show_default="as published")]
Witnesses = Annotated[
    list[str] | None,
    typer.Option("--witness", help="Verifier key of a witness.", show_default="as published"),
]
Quorum = Annotated[
    int | None, typer.Option(min=0, help="Witnesses needed.", show_default="more than half")
]

Time = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])]

log = typer.Typer(
    no_args_is_help=True, help="Verify the log of what was done, or an export from it."
)


@log.command()
def verify(
    place: Annotated[
        str, typer.Argument(help="An export, a data folder, or the address of a log.")
    ] = "data",
    key: Key = "",
    witness: Witnesses = None,
    quorum: Quorum = None,
) -> None:
    """Check signatures, cosignatures, every entry and the whole tree; needs no network."""
    try:
        told = _verified(place, key, witness, quorum)
    except Wrong as wrong:
        typer.echo(f"WRONG: {wrong}")
        raise typer.Exit(1) from wrong
    typer.echo(told)


def _verified(place: str, key: str, witness: list[str] | None, quorum: int | None) -> str:
    """What was found, in words. Raises Wrong."""
    data = Path(place)
    whole = (data / "log" / "signed").exists()
    read = _fetched(place) if "://" in place else _files(data / "log" if whole else data)
    witnesses = witness if witness is not None else _lines(read("witnesses"))
    needed = len(witnesses) // 2 + 1 if quorum is None else quorum
    known = key or read("key").decode().strip()
    if not known:
        raise Wrong(f"there is no log at {place}, or its key is missing: give --key")
    top = verifier.head(read("checkpoint"), known, witnesses, needed if witnesses else 0)
    said = [f"A log of {top.size} entries, signed by {known.split('+')[0]}."]
    said += [f"Cosigned by {name} at {_time(at)}." for name, at in top.witnessed.items()]
    said += (
        [] if top.witnessed else ["No witness has cosigned it: another could be shown to others."]
    )
    if not key:
        said.append("The keys are as published there; compare them with those that you know.")
    said.append(_checked(data, whole, read, [top, *_kept(data, whole, known)]))
    return "\n".join(said)


def _checked(data: Path, whole: bool, read: verifier.Read, heads: list[Head]) -> str:
    """Raises Wrong."""
    if (data / "records.jsonl").exists():
        entries = verifier.exported(data)
        for entry in entries:
            verifier.require_included(entry, heads[0])
        return f"All {len(entries)} exported entries are in it."
    records = _whole(data, max(h.size for h in heads))
    committed = verifier.commitments(read, max(h.size for h in heads))
    alone = (Entry(n, b"", b"", commitment) for n, commitment in enumerate(committed))
    verifier.require_tree(read, alone if records is None else records, heads)
    what = "All entries and hashes fit" if records else "All hashes fit; no records are here"
    return f"{what}, and the trees of {len(heads)} checkpoints are in it."


def _whole(data: Path, size: int) -> Iterator[Entry] | None:
    """Of a town, or of its export."""
    database, lines = data / "townsquare.db", data / "log" / "entries.jsonl"
    if lines.exists():
        return verifier.listed(lines, size)
    return _records(database, size) if database.exists() else None


def _kept(data: Path, whole: bool, key: str) -> Iterator[Head]:
    """Checkpoints of earlier days, and what was signed last and may not be published yet."""
    folder = data / "log" if whole else data
    for file in [*sorted((folder / "checkpoints").glob("2*")), folder / "signed"]:
        if file.exists():
            yield verifier.head(file.read_bytes(), key, (), 0)


def _records(database: Path, size: int) -> Iterator[Entry]:
    # Nobody writes where there is no journal, and then SQLite may not look for one.
    alone = "" if database.with_name(f"{database.name}-wal").exists() else "&immutable=1"
    db = sqlite3.connect(f"file:{database}?mode=ro{alone}", uri=True)
    text = "select row, salt, coalesce(record, ''), commitment from log where row <= ? order by row"
    for row, salt, record, commitment in db.execute(text, (size,)):
        yield Entry(row - 1, salt, record.encode(), commitment)
    db.close()


def _files(folder: Path) -> verifier.Read:
    def read(path: str) -> bytes:
        file = folder / path
        return file.read_bytes() if file.is_file() else b""

    return read


def _fetched(url: str) -> verifier.Read:
    def read(path: str) -> bytes:
        try:
            with urllib.request.urlopen(f"{url.rstrip('/')}/{path}", timeout=10) as answer:  # noqa: S310 - the auditor named it
                return bytes(answer.read())
        except urllib.error.HTTPError:
            return b""
        except OSError as error:
            raise Invalid(f"{url} cannot be read: {error}") from error

    return read


def _lines(text: bytes) -> list[str]:
    return text.decode().split("\n")[:-1]


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


@log.command()
def export(
    folder: Annotated[Path, typer.Argument(help="New folder for the export.")],
    to: Annotated[str, typer.Option(help="Who gets it; the log says so.")],
    reason: Annotated[str, typer.Option(help="Why; the log says so.")],
    since: Time = None,
    until: Time = None,
    data: DataFolder = None,
) -> None:
    """Write every entry of a time (UTC) with its proof, to be verified without the town."""
    if folder.exists():
        raise CannotStart(f"{folder} is there already and stays as it is; name a new folder")
    times = {"since": since, "until": until}
    told = {name: f"{at:%Y-%m-%dT%H:%M:%S}Z" for name, at in times.items() if at}
    asked = {"reason": reason, "recipient": to, **told}
    found = inside.ask(data or Path("data"), "POST", "/log/export", asked)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["archive"]))) as archive:
        archive.extractall(folder)
    typer.echo(f"Wrote {found['entries']} entries to {folder}; townsquare log verify {folder}")
