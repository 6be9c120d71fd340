"""`townsquare count`: counts of recorded clips, by class and direction, for engineers."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.camera import Line, Point, RoadUser, Zone
from townsquare.model.errors import Invalid
from townsquare.vision import read
from townsquare.vision.recordings import export
from townsquare.vision.recordings.parts import Order
from townsquare.vision.recordings.run import Journal, Recording, count_all
from townsquare.vision.recordings.sheet import Results, Sheet, Slots
from townsquare.vision.settings import Settings

USUAL = Settings()
SCREEN = "-"


def count(  # noqa: PLR0913 - each is an option of the command
    videos: Annotated[list[Path], typer.Argument(help="Recordings of one place.")],
    line: Annotated[
        list[str] | None,
        typer.Option(help="NAME=x1,y1,x2,y2 in pixels; crossing to its right is in. Repeatable."),
    ] = None,
    zone: Annotated[
        list[str] | None, typer.Option(help="NAME=x,y,x,y,x,y,… in pixels. Repeatable.")
    ] = None,
    out: Annotated[
        str, typer.Option(help="FILE.csv, .json or .parquet; - writes JSON to standard output.")
    ] = "counts.csv",
    interval: Annotated[int, typer.Option(min=1, max=1440, help="Minutes of a row.")] = 15,
    start: Annotated[
        str,
        typer.Option(
            help="When the first was taken, such as 2026-05-04T07:00+02:00; the others follow it.",
            show_default="what each file says of itself",
        ),
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class. Repeatable.")
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            min=1,
            max=30,
            help="Pictures a second that are looked at; up to twice as many for who is fast.",
        ),
    ] = USUAL.detections_per_second,
    detector: Annotated[
        str, typer.Option(help="As `townsquare models list` shows it.")
    ] = USUAL.detector,
    turns: Annotated[Path | None, typer.Option(help="Write a turning table there (CSV).")] = None,
    otanalytics: Annotated[
        Path | None, typer.Option(help="Write counts as OTAnalytics does there (CSV).")
    ] = None,
    at_once: Annotated[
        int, typer.Option(min=1, help="Recordings side by side.", show_default="cores")
    ] = os.cpu_count() or 1,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Count who crosses lines, who is in zones and who turns where, in recorded video."""
    order = Order(
        url="",
        lines=tuple(map(a_line, line or ())),
        zones=tuple(map(a_zone, zone or ())),
        per_s=rate,
        detector=detector,
        models=str(data_folder(settings, data) / "models"),
        slot_s=interval * 60.0,
    )
    require_something(order, out)
    wanted = [a_class(name) for name in only or ()]
    recordings = list(opened(videos, order, a_time(start)))
    journal = Journal(None if out == SCREEN else Path(f"{out}.part"))
    watched(recordings, journal, at_once)
    results = Results([one.sheet for one in recordings], wanted)
    export.write(results, sys.stdout.buffer if out == SCREEN else Path(out))
    if turns:
        turns.write_text(export.as_turning_table(results))
    if otanalytics:
        otanalytics.write_text(export.as_otanalytics(results))
    if out != SCREEN:
        Console().print(summary(results))
    if not told_troubles(recordings):
        raise typer.Exit(1)
    journal.done()


def require_something(order: Order, out: str) -> None:
    """Raises Invalid."""
    if not order.lines and not order.zones:
        raise Invalid("nothing to count: give --line NAME=x1,y1,x2,y2 or --zone NAME=x,y,x,y,x,y")
    if out != SCREEN and Path(out).suffix not in export.ENDINGS:
        raise Invalid(f"--out {out} must end in {', '.join(export.ENDINGS)}, or be -")
    names = [line.name for line in order.lines] + [zone.name for zone in order.zones]
    if twice := {name for name in names if names.count(name) > 1}:
        raise Invalid(f"two lines or zones are named {min(twice)!r}")


def a_line(text: str) -> Line:
    name, points = drawn("line", text)
    if len(points) != 2:
        raise Invalid(f"--line {text}: write NAME=x1,y1,x2,y2 in pixels")
    return Line(name, *points)


def a_zone(text: str) -> Zone:
    return Zone(*drawn("zone", text))


def drawn(kind: str, text: str) -> tuple[str, tuple[Point, ...]]:
    name, equals, numbers = text.partition("=")
    try:
        found = [float(number) for number in numbers.split(",")]
    except ValueError:
        found = []
    if not equals or not found or len(found) % 2:
        raise Invalid(
            f"--{kind} {text}: write NAME=x,y,x,y… in pixels, such as west=300,170,300,345"
        )
    return name, tuple(zip(found[::2], found[1::2], strict=True))


def a_class(name: str) -> RoadUser:
    known = get_args(RoadUser)
    if name not in known:
        raise Invalid(f"--class {name}: choose from {', '.join(known)}")
    return cast("RoadUser", name)


def a_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"--start {text}: write it as 2026-05-04T07:00:00+02:00") from error
    return at if at.tzinfo else at.astimezone()


def opened(videos: Sequence[Path], order: Order, start: datetime | None) -> Iterator[Recording]:
    """Each with its slots. Raises NoPictures for what is no video."""
    slot = timedelta(seconds=order.slot_s)
    for video in videos:
        length_s = read.length_s(str(video))
        slots = Slots(slot, start or read.taken_at(str(video)))
        sheet = Sheet(video.stem, slots, [line.name for line in order.lines])
        yield Recording(order.of(str(video.resolve()), slots.first_s), sheet, length_s)
        start = start + timedelta(seconds=length_s) if start else None


def watched(recordings: Sequence[Recording], journal: Journal, at_once: int) -> None:
    """Counts with a bar for each, on standard error."""
    columns = (
        *(TextColumn("{task.description}"), BarColumn()),
        *(TextColumn("{task.percentage:3.0f} %  {task.fields[crossed]} crossings"),),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {
            id(one): progress.add_task(one.sheet.recording, total=one.length_s or None, crossed=0)
            for one in recordings
        }

        def told(one: Recording) -> None:
            crossed = one.sheet.crossings.total()
            progress.update(bars[id(one)], completed=one.sheet.upto_s, crossed=crossed)

        asyncio.run(count_all(recordings, journal, at_once, told))


def summary(results: Results) -> Table:
    """Counts by line, class and direction over all the time."""
    table = Table("recording", "line", "class", "in", "out")
    for (recording, line, of), ways in results.totals().items():
        table.add_row(recording, line, of, str(ways["in"]), str(ways["out"]))
    return table


def told_troubles(recordings: Sequence[Recording]) -> bool:
    """Whether there were none."""
    troubled = [one for one in recordings if one.trouble]
    for one in troubled:
        counted = f"counted up to {one.sheet.upto_s:.0f} s"
        sys.stderr.write(f"townsquare: {one.sheet.recording}: {one.trouble}; {counted}\n")
    return not troubled
