"""`townsquare models`: detectors that may be loaded, where they come from, and how they do here."""

import asyncio
import time
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from townsquare import app
from townsquare.cli.demo import CLONE
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.context import outgoing
from townsquare.vision.detectors import listed
from townsquare.vision.detectors.listed import Card

models = typer.Typer(no_args_is_help=True, help="Detectors of road users.")
Name = Annotated[str, typer.Argument(help="As `townsquare models list` shows it.")]
CLIP = CLONE / "demo" / "square.mp4"


def folder(settings: Path, data: Path | None) -> Path:
    return data_folder(settings, data) / "models"


def known(settings: Path) -> app.Settings:
    return app.load(settings) if settings.exists() else app.Settings()


@models.command("list")
def list_(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """List the models that may be loaded, and which the town uses."""
    used = known(settings).vision.detector
    table = Table("", "model", "error", "state", "what", box=None)
    for column in table.columns[:3]:
        column.no_wrap = True
    for card in listed.cards(folder(settings, data)):
        one = card.model
        mark = "*" if one.name == used else ""
        error = f"{one.error.off} of {one.error.crossings}" if one.error else "not measured"
        what = f"{one.title}; {one.licence}"
        table.add_row(mark, one.name, error, state(card), what)
    Console().print(table)
    typer.echo("* is in use: detector in [vision] of townsquare.toml.")
    typer.echo("error: how many of the crossings on the project's clips the counts are off by.")


def state(card: Card) -> str:
    if card.there:
        return "here"
    if not card.model.files:
        return "its card says how"
    return "to get" if all(file.url for file in card.model.files) else "to add"


@models.command()
def get(name: Name, settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Fetch a model from its publisher, whose host [outgoing] must name."""
    from townsquare.vision import keeping

    card = listed.card(name, folder(settings, data))
    allowed = outgoing.declared(known(settings).outgoing)

    async def fetched() -> None:
        with Progress(transient=True) as progress:
            bars = {f.name: progress.add_task(f.name, total=None) for f in card.model.files}

            def told(file: str, so_far: int, total: int) -> None:
                progress.update(bars[file], completed=so_far, total=total or None)

            async with outgoing.Client(allowed) as client:
                await keeping.get(card, client, told)

    asyncio.run(fetched())
    typer.echo(f"{name} is in {card.folder}; write detector = {name!r} in [vision] to use it.")


@models.command()
def add(
    files: Annotated[list[Path], typer.Argument(help=".onnx, or .xml and .bin together.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Keep files of a model that is listed, where there is no network."""
    from townsquare.vision import keeping

    whole = keeping.add(files, folder(settings, data))
    for card in whole:
        typer.echo(f"{card.model.name} is in {card.folder}.")
    if not whole:
        typer.echo("Kept; the model needs its other file as well.")


@models.command("test")
def try_(
    name: Name,
    video: Annotated[Path, typer.Argument(help="Pictures to try it on.")] = CLIP,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Load a model, look at what it can answer, and time it on pictures."""
    from townsquare.vision import detect, read
    from townsquare.vision.boxes import KINDS
    from townsquare.vision.track import SURE

    detector = detect.opened(name, folder(settings, data))
    pictures = [taken.frame for taken in islice(read.pictures(str(video)), 0, 200, 4)]
    detector.detect(pictures[0])  # the first one takes longer
    began = time.process_time()
    found = [detector.detect(picture) for picture in pictures]
    each_ms = (time.process_time() - began) * 1000 / len(pictures)
    width, height = detector.size
    typer.echo(f"{name}: {width} x {height} pixels, {detector.graph.runtime}")
    typer.echo(f"{each_ms:.1f} ms of one core a picture, over {len(pictures)} of {video.name}")
    for kind, of in enumerate(KINDS):
        seen = sum(int(((b.kinds == kind) & (b.scores >= SURE)).sum()) for b in found)
        typer.echo(f"  {of:<10} {seen / len(pictures):6.2f} a picture")
    typer.echo("It answers with boxes, scores and classes, and nothing else.")
    told = dict(listed.card(name, folder(settings, data)).for_everyone)
    typer.echo(f"Counting error: {told[listed.ERROR]}.")
