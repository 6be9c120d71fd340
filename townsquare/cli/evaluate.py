"""`townsquare evaluate CAMERA`: how well a camera counts, and where to measure it by hand."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

UNKNOWN = "unknown"
Result = Mapping[str, Any]


def evaluate(
    camera: Annotated[str, typer.Argument(help="Its name in townsquare.toml.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
    browse: Annotated[bool, typer.Option("--browse", help="Open the page in a browser.")] = False,
) -> None:
    """Say how well a camera counts, and where an engineer measures that by hand."""
    path = f"/vision/cameras/{quote(camera, safe='')}/evaluations"
    told = ask(data_folder(settings, data), "GET", path)
    if told["evaluations"]:
        Console().print(table(told["evaluations"]))
        typer.echo("Of 100: between these two really passed, 19 times in 20, in that light.")
    else:
        typer.echo(f"{told['title']} was never evaluated, so the error of its counts is unknown.")
    typer.echo("\nTo measure it, sign in as an engineer and count by hand for 15 minutes, best on")
    typer.echo(f"the street, with a phone or a laptop:\n\n  {told['page']}\n")
    typer.echo("The page walks through it: lines, keys, count, result. Night, dusk and rain")
    typer.echo("want counts of their own.")
    if browse:
        typer.launch(told["page"])


def table(evaluations: list[Result]) -> Table:
    """A row for each line, class and direction of each, newest first."""
    found = Table("when", "light", "line", "who", "way")
    for name in ("by hand", "by machine", "missed", "false", "of 100"):
        found.add_column(name, justify="right")
    for row in rows(evaluations):
        found.add_row(*row)
    return found


def rows(evaluations: list[Result]) -> Iterator[tuple[str, ...]]:
    for one in evaluations:
        when = f"{one['dateEvaluated'][:10]}, {one['durationMinutes']:g} min"
        for result in one["results"]:
            hits, missed, false = result["hits"], result["missed"], result["false"]
            way = (result["line"], result["of"], result["direction"])
            numbers = map(str, (hits + missed, hits + false, missed, false))
            yield (when, one["light"], *way, *numbers, interval(result["interval"]))


def interval(known: Mapping[str, int] | None) -> str:
    return f"{known['low']} to {known['high']}" if known else UNKNOWN
