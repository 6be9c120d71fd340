"""The tables as files: CSV, JSON, Parquet, and the layouts that traffic engineers know.

Layout of counts and sections as OTAnalytics exports them: github.com/OpenTrafficCam/OTAnalytics,
`plugin_parser/export.py`, read in November 2026.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from townsquare.model.camera import RoadUser
from townsquare.model.errors import CannotStart, Invalid
from townsquare.vision.recordings.sheet import Count, Flow, Presence, Results

Row = Count | Flow | Presence
ENDINGS = (".csv", ".json", ".parquet")
# What the standard's words are for what a dataclass cannot be called.
HEADS = {"of": "class", "since": "from", "until": "to", "entry": "from_line", "exit": "to_line"}
OTANALYTICS: Mapping[RoadUser, str] = {
    **{"person": "pedestrian", "bicycle": "bicyclist", "motorcycle": "motorcyclist"},
    **{"car": "car", "bus": "bus", "truck": "truck", "tram": "train"},
}
OTANALYTICS_HEADS = (
    *("start time", "start occurrence date", "start occurrence time"),
    *("end time", "end occurrence date", "end occurrence time"),
    *("classification", "flow", "from section", "to section", "count"),
)


def write(results: Results, out: Path | BinaryIO) -> None:
    """As the file's ending says; what is not counts lies beside it. JSON to a stream.

    Raises CannotStart where Parquet is asked for without the extra `analysis`.
    """
    if not isinstance(out, Path):
        out.write(as_json(results))
        return
    if out.suffix == ".json":
        out.write_bytes(as_json(results))
        return
    write_rows(Count, results.counts, out)
    beside: list[tuple[type[Row], Sequence[Row], str]] = [
        (Flow, results.flows, "turns"),
        (Presence, results.presences, "zones"),
    ]
    for kind, rows, word in beside:
        if rows:
            write_rows(kind, rows, out.with_suffix(f".{word}{out.suffix}"))


def write_rows(kind: type[Row], rows: Sequence[Row], file: Path) -> None:
    if file.suffix == ".parquet":
        write_parquet(kind, rows, file)
    else:
        file.write_text(as_csv(kind, rows), encoding="utf-8")


def heads(kind: type[Row]) -> list[str]:
    return [HEADS.get(field.name, field.name) for field in fields(kind)]


def as_json(results: Results) -> bytes:
    tables: dict[str, Sequence[Row]] = {
        "counts": results.counts,
        "turns": results.flows,
        "zones": results.presences,
    }
    whole = {name: [_named(row) for row in rows] for name, rows in tables.items()}
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _named(row: Row) -> dict[str, Any]:
    return {HEADS.get(name, name): value for name, value in asdict(row).items()}


def as_csv(kind: type[Row], rows: Iterable[Row]) -> str:
    return _csv(heads(kind), (astuple(row) for row in rows))


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    written.writerow(heads)
    written.writerows(rows)
    return out.getvalue()


def write_parquet(kind: type[Row], rows: Sequence[Row], file: Path) -> None:
    """Raises CannotStart without the extra `analysis`."""
    try:
        import duckdb
    except ImportError as error:
        raise CannotStart("Parquet needs the extra: pip install townsquare[analysis]") from error
    types = {"n": "integer", "most": "integer", "mean": "double", "watched_s": "double"}
    columns = ", ".join(f'"{head}" {types.get(head, "varchar")}' for head in heads(kind))
    with duckdb.connect() as db:
        db.execute(f"create table counted ({columns})")
        if rows:
            insert = f"insert into counted values ({', '.join('?' * len(heads(kind)))})"  # noqa: S608 - marks
            db.executemany(insert, [astuple(row) for row in rows])
        db.execute("copy counted to $file (format parquet)", {"file": str(file)})


def as_otanalytics(results: Results) -> str:
    """A line and a direction is a flow of its own there, since a flow has no direction.

    Raises Invalid where nobody knows when a recording was made.
    """
    rows = [_counted(c, (f"{c.line} {c.direction}", c.line, c.line)) for c in results.counts]
    rows += [_counted(f, (f"{f.entry} --> {f.exit}", f.entry, f.exit)) for f in results.flows]
    return _csv(OTANALYTICS_HEADS, sorted(rows, key=itemgetter(0, 3, 6)))


def _counted(row: Count | Flow, sections: tuple[str, str, str]) -> tuple[Any, ...]:
    times = (*_moment(row.since), *_moment(row.until))
    return (*times, OTANALYTICS[row.of], *sections, row.n)


def _moment(text: str) -> tuple[str, str, str]:
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise Invalid("this layout needs the time of the recording: --start") from error
    return f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}"


def as_turning_table(results: Results) -> str:
    """A row for each slot, class and entry, a column for each exit, and a total."""
    cells: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for flow in results.flows:
        key = (flow.recording, flow.since, flow.until, flow.of, flow.entry)
        cells[key][flow.exit] += flow.n
    lines = results.lines
    rows = [(*key, *(to[line] for line in lines), to.total()) for key, to in sorted(cells.items())]
    exits = [f"to {line}" for line in lines]
    return _csv(("recording", "from", "to", "class", "from_line", *exits, "total"), rows)
