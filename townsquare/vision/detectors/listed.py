"""The lists of models that may be loaded, and the public card of each.

There are two: that of the package, of models that this project has looked at, and the town's own in
DATA/models. Always holds: a model is known by a checksum of its content and never by its name; one
without a card is on no list, since nobody outside could look at what it is.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid
from townsquare.model.settings import parse
from townsquare.model.texts import later
from townsquare.vision.detectors.families import FAMILIES

SHIPPED = Path(__file__).parents[1] / "models"  # with their weights, and the cards of others
LIST = "allowed.toml"
SUM = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}")
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
CARD = re.compile(r"[a-z0-9.-]+\.md")
FACT = re.compile(r"^\| ([^|]+) \| (.+) \|$", re.MULTILINE)
MOST_BYTES = 500_000_000  # of a file
# Rows of a card that are for everyone, in the order in which a page shows them.
CALLED, ERROR = "called", later("measured error")
FOR_EVERYONE = (
    later("can tell"),
    later("cannot tell"),
    ERROR,
    later("not measured"),
    later("used for"),
    later("not for"),
)
NOT_MEASURED = "not measured; a town measures it at its own cameras"


@dataclass(frozen=True, slots=True)
class File:
    """`url` is where its publisher keeps it; empty where it is shipped or made by hand. `sum` is
    as that publisher states it, or SHA-256.
    """

    name: str
    sum: str
    url: str = ""

    def __post_init__(self) -> None:
        if Path(self.name).name != self.name or not self.name:
            raise Invalid(f"name of a model's file takes no folder: {self.name!r}")
        if not SUM.fullmatch(self.sum):
            raise Invalid(f"sum of {self.name} takes sha256: or sha384: and its digits 0-9 a-f")


@dataclass(frozen=True, slots=True)
class Error:
    """By how much counts were `off`, of so many crossings of the project's clips, looked at 5 times
    a second: `make bench-vision DETECTOR=NAME` measured it on that day.
    """

    off: int
    crossings: int
    on: date

    @property
    def told(self) -> str:
        return (
            f"off by {self.off} in {self.crossings} crossings, on three clips by day, each as it"
            f" is, mirrored, brighter and darker (make bench-vision, {self.on}). Thresholds were"
            " chosen on these clips: what holds at a camera is measured there"
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A line of a list. The first file is the graph, a second its weights; `card` lies beside. One
    without files has a card only: whoever exports such a model lists it under that name.
    """

    name: str
    family: str
    card: str
    files: tuple[File, ...] = ()
    title: str = ""
    licence: str = ""
    publisher: str = ""
    error: Error | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Invalid(f"name of a model {self.name!r}: use a-z, 0-9 and . - after the first")
        if self.family not in FAMILIES:
            raise Invalid(f"family of model {self.name} takes one of {', '.join(FAMILIES)}")
        if not CARD.fullmatch(self.card):
            raise Invalid(f"card of model {self.name} takes the name of a file, such as nanodet.md")
        if len(self.files) > 2:
            raise Invalid(f"model {self.name} has one file (.onnx), or two (.xml and .bin)")


@dataclass(frozen=True, slots=True)
class Allowed:
    """allowed.toml."""

    model: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """`text` is the card as its author wrote it, `facts` the rows of its table. `folder` is where
    the files of the model lie once they are there.
    """

    model: Model
    text: str
    folder: Path

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        found = ((name.strip(), said.replace("`", "")) for name, said in FACT.findall(self.text))
        return tuple(fact for fact in found if fact[0])

    @property
    def name(self) -> str:
        """What people call it."""
        return dict(self.facts).get(CALLED, self.model.name)

    @property
    def for_everyone(self) -> tuple[tuple[str, str], ...]:
        error = self.model.error.told if self.model.error else NOT_MEASURED
        told = {ERROR: error} | dict(self.facts)
        return tuple((name, told[name]) for name in FOR_EVERYONE if name in told)

    @property
    def for_engineers(self) -> tuple[tuple[str, str], ...]:
        return tuple(fact for fact in self.facts if fact[0] not in (CALLED, *FOR_EVERYONE))

    @property
    def there(self) -> bool:
        files = self.model.files
        return bool(files) and all((self.folder / file.name).is_file() for file in files)


def cards(town: Path | None = None) -> list[Card]:
    """Of every model that may be loaded; `town` is the town's folder of models. Raises CannotStart
    or Invalid.
    """
    own = list(_of_town(town)) if town is not None else []
    filled = {card.model.name for card in own}
    known = list(_shipped(town))
    found = [card for card in known if card.model.files or card.model.name not in filled] + own
    names = [card.model.name for card in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise Invalid(f"two models that may be loaded have the name {min(twice)!r}")
    return found


def here(town: Path | None = None) -> list[Card]:
    """Of those whose files are there, so that they could be run."""
    return [found for found in cards(town) if found.there]


def card(name: str, town: Path | None = None) -> Card:
    """Raises Invalid where no list has it."""
    known = {found.model.name: found for found in cards(town)}
    if name not in known:
        raise Invalid(f"no model {name!r} may be loaded; there are {', '.join(known)}")
    return known[name]


def counting(name: str, town: Path | None = None) -> tuple[str, str]:
    """This name, and the sums of its files; without any where no list has it, or none can be read:
    the workers say so.
    """
    try:
        return name, " ".join(file.sum for file in card(name, town).model.files)
    except (CannotStart, Invalid):
        return name, ""


def content(card: Card) -> Sequence[bytes]:
    """Of its files, in their order. Raises CannotStart where one is not what the list says."""
    if not card.model.files:
        raise CannotStart(f"no file of model {card.model.name} is listed; its card says how to")
    return [_checked(card.folder / file.name, file, card.model) for file in card.model.files]


def sums_of(file: Path) -> tuple[str, str]:
    """By SHA-256, and by SHA-384. Raises CannotStart."""
    return _sums(_bytes(file))


def _sums(content: bytes) -> tuple[str, str]:
    sha256, sha384 = hashlib.sha256(content), hashlib.sha384(content)
    return f"sha256:{sha256.hexdigest()}", f"sha384:{sha384.hexdigest()}"


def _of_town(town: Path) -> Iterator[Card]:
    if (town / LIST).is_file():
        for model in _read(town / LIST).model:
            yield _card(model, town, town / model.name)


def _shipped(town: Path | None) -> Iterator[Card]:
    """Those that the package has only the card of lie in the town's folder."""
    for model in _read(SHIPPED / LIST).model:
        inside = not any(file.url for file in model.files)
        yield _card(model, SHIPPED, SHIPPED if inside or town is None else town / model.name)


def _card(model: Model, beside: Path, folder: Path) -> Card:
    return Card(model, _text(beside / model.card), folder)


def _read(file: Path) -> Allowed:
    return parse(_text(file), file.name, Allowed)


def _checked(path: Path, file: File, model: Model) -> bytes:
    if file.url and not path.is_file():
        raise CannotStart(f"model {model.name} is not here; townsquare models get {model.name}")
    read = _bytes(path)
    found = _sums(read)
    if file.sum not in found:
        raise CannotStart(
            f"model {path} ({found[0]}) is not what the list of models that may be loaded calls"
            f" {model.name}; take it anew"
        )
    return read


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CannotStart(f"model {file} is larger than {MOST_BYTES // 1_000_000} MB")
        return file.read_bytes()
    except OSError as error:
        raise CannotStart(f"model {file} cannot be read: {error.strerror}; take it anew") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{file} cannot be read; reinstall or mend it") from error
