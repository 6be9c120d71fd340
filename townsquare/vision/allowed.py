"""The list of models that may be loaded, and the public card of each.

Always holds: a model is known by the SHA-256 of its content and never by its name, and one without
a card is on no list, since nobody outside could look at what it is.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid
from townsquare.model.settings import parse

FOLDER = Path(__file__).parent / "models"
LIST = FOLDER / "allowed.toml"
SUM = re.compile(r"[0-9a-f]{64}")
CARD = re.compile(r"[a-z0-9-]+\.md")
FACT = re.compile(r"^\| ([^|]+) \| (.+) \|$", re.MULTILINE)


# Rows of a card that are for everyone, in the order in which a page shows them.
NAME = "called"
FOR_EVERYONE = ("can tell", "cannot tell", "measured error", "not measured", "used for", "not for")


@dataclass(frozen=True, slots=True)
class Model:
    """A line of the list. `card` is a file beside it."""

    file: str
    sha256: str
    card: str

    def __post_init__(self) -> None:
        if not SUM.fullmatch(self.sha256):
            raise Invalid(f"sha256 of {self.file} takes 64 digits 0-9 a-f")
        if not CARD.fullmatch(self.card):
            raise Invalid(f"card of {self.file} takes the name of a file, such as nanodet.md")

    @property
    def name(self) -> str:
        return self.card.removesuffix(".md")


@dataclass(frozen=True, slots=True)
class Allowed:
    """allowed.toml."""

    model: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """`text` is the card as its author wrote it, `facts` the rows of its table."""

    model: Model
    text: str

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        found = ((name.strip(), said.replace("`", "")) for name, said in FACT.findall(self.text))
        return tuple(fact for fact in found if fact[0])

    @property
    def name(self) -> str:
        """What people call it."""
        return dict(self.facts).get(NAME, self.model.file)

    @property
    def for_everyone(self) -> tuple[tuple[str, str], ...]:
        told = dict(self.facts)
        return tuple((name, told[name]) for name in FOR_EVERYONE if name in told)

    @property
    def for_engineers(self) -> tuple[tuple[str, str], ...]:
        return tuple(fact for fact in self.facts if fact[0] not in (NAME, *FOR_EVERYONE))


def cards(listed: Path = LIST) -> list[Card]:
    """Of every model that may be loaded. Raises CannotStart."""
    allowed = parse(_text(listed), listed.name, Allowed)
    return [Card(model, _text(listed.parent / model.card)) for model in allowed.model]


def content(file: Path, listed: Path = LIST) -> bytes:
    """Of a model that is on the list. Raises CannotStart."""
    try:
        read = file.read_bytes()
    except OSError as error:
        raise CannotStart(f"model {file} cannot be read: {error.strerror}; reinstall") from error
    found = hashlib.sha256(read).hexdigest()
    if found not in {card.model.sha256 for card in cards(listed)}:
        raise CannotStart(
            f"model {file} (sha256 {found}) is not among those that may be loaded"
            f" ({listed.name}); reinstall townsquare"
        )
    return read


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"{file} cannot be read: {error.strerror}; reinstall") from error
