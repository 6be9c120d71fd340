"""Bring a listed model into the town's folder: from its publisher, or from files that are here.

Always holds: nothing lies in the folder under a listed name that the list does not know by sum, and
a graph is looked at before it is kept.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from townsquare.context.outgoing import NOT_PACKED, Client
from townsquare.model.errors import CannotStart, Invalid, Unavailable
from townsquare.vision import compiled, detect
from townsquare.vision.detectors import graph, listed
from townsquare.vision.detectors.families import FAMILIES, breaches
from townsquare.vision.detectors.listed import MOST_BYTES, Card, File

Told = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: not known)


async def get(card: Card, client: Client, told: Told) -> None:
    """All its files from their publisher. Raises Invalid, Unavailable, Denied or CannotStart."""
    if missing := [file.name for file in card.model.files if not file.url]:
        raise Invalid(f"{missing[0]} has no address to get it from; townsquare models add FILE")
    card.folder.mkdir(parents=True, exist_ok=True)
    for file in card.model.files:
        part = card.folder / f"{file.name}.part"
        try:
            await _download(file, client, part, told)
            _place(card, file, part)
        finally:
            part.unlink(missing_ok=True)
    _looked_at(card)
    compiled.kept(card.model.name, card.folder.parent)


async def _download(file: File, client: Client, into: Path, told: Told) -> None:
    try:
        async with client.stream("GET", file.url, headers=NOT_PACKED) as answer:
            answer.raise_for_status()
            total = int(answer.headers.get("content-length", 0))
            with into.open("wb") as out:
                async for part in answer.aiter_bytes():
                    out.write(part)
                    if out.tell() > MOST_BYTES:
                        raise Invalid(f"{file.url} is larger than {MOST_BYTES // 1_000_000} MB")
                    told(file.name, out.tell(), total)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"{file.url} gives no file ({error}); fetch it by another way, then"
            " townsquare models add FILE"
        ) from error


def add(files: Sequence[Path], town: Path) -> list[Card]:
    """Files that lists know by their sums. Gives the models that are whole now.

    Raises Invalid for a file that no list knows, with what a town would write to allow it.
    """
    known = {file.sum: (card, file) for card in listed.cards(town) for file in card.model.files}
    touched = {}
    for path in files:
        mine = [known[sum] for sum in listed.sums_of(path) if sum in known]
        if not mine:
            raise Invalid(_refusal(path, files, town))
        card, file = mine[0]
        card.folder.mkdir(parents=True, exist_ok=True)
        part = card.folder / f"{file.name}.part"
        shutil.copyfile(path, part)
        _place(card, file, part)
        touched[card.model.name] = card
    whole = [card for card in touched.values() if card.there]
    for card in whole:
        _looked_at(card)
        compiled.kept(card.model.name, town)
    return whole


def _place(card: Card, file: File, part: Path) -> None:
    if file.sum not in (found := listed.sums_of(part)):
        raise Invalid(
            f"{file.name} is not what the list knows ({found[0]}, not {file.sum}); nothing was kept"
        )
    part.replace(card.folder / file.name)


def _looked_at(card: Card) -> None:
    """Takes it away again where its outputs are not those of its family."""
    try:
        detect.of(card)
    except (CannotStart, Invalid):
        shutil.rmtree(card.folder)
        raise


def _refusal(path: Path, files: Sequence[Path], town: Path) -> str:
    unknown = f"{path.name} ({listed.sums_of(path)[0]}) is on no list of models that may be loaded"
    if not (fits := fitting(files)):
        return f"{unknown}, and what it answers fits no family, so none can have it"
    own = town / listed.LIST
    return f"{unknown}; to allow it, write it with its card into {own}, family = {fits[0]!r}"


def fitting(files: Sequence[Path]) -> list[str]:
    """Families whose closed outputs these files have; none where it could say anything else."""
    ordered = sorted(files, key=lambda path: path.suffix == ".bin")
    outputs = graph.opened(*(path.read_bytes() for path in ordered[:2])).outputs
    return [name for name, family in FAMILIES.items() if not breaches(family, outputs)]
