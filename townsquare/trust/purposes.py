"""What anybody or anything may be here for: a list that the town keeps as part of its policy. Pure.

Always holds: a purpose that is on the list says something that can be checked, so "safety" is not
on it, and whoever tries such a word is told why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from townsquare.model.errors import Invalid
from townsquare.model.settings import parse

FILE = "purposes.toml"  # in a folder of policies
MOST_SHOWN = 60  # characters of what somebody gave as a purpose


@dataclass(frozen=True, slots=True)
class Purpose:
    name: str
    title: str
    meant: str  # goes on behind "to …"
    cameras: bool = False  # whether a camera may be put up for it


@dataclass(frozen=True, slots=True)
class Vague:
    """Words that say nothing, and why."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Purposes:
    """purposes.toml."""

    purpose: tuple[Purpose, ...]
    vague: tuple[Vague, ...] = ()

    def __post_init__(self) -> None:
        if twice := {name for name in self.names if self.names.count(name) > 1}:
            raise Invalid(f"two purposes have the name {min(twice)!r}")
        if both := {word for one in self.vague for word in one.words}.intersection(self.names):
            raise Invalid(f"{min(both)!r} cannot be a purpose and too vague to be one")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(purpose.name for purpose in self.purpose)

    @property
    def meant(self) -> Mapping[str, str]:
        return {purpose.name: purpose.meant for purpose in self.purpose}


def purposes(text: str, name: str = FILE) -> Purposes:
    """Raises Invalid, naming the line."""
    return parse(text, name, Purposes)


def refused(known: Purposes, name: str) -> str:
    """Why this is no purpose to be here for; empty for one that is on the list."""
    return _refused(known, known.purpose, name)


def refused_for_camera(known: Purposes, name: str) -> str:
    """Why no camera may be put up for this; empty where one may."""
    fit = [purpose for purpose in known.purpose if purpose.cameras]
    if name in known.names and name not in [purpose.name for purpose in fit]:
        return f"no camera may be put up for {name!r}; {_choose(fit)}"
    return _refused(known, fit, name)


def _refused(known: Purposes, fit: Iterable[Purpose], name: str) -> str:
    if name in known.names:
        return ""
    word, shown = " ".join(name.lower().split()), repr(name[:MOST_SHOWN])
    for vague in known.vague:
        if word in vague.words:
            return f"{shown} is no purpose: {vague.why}; {_choose(fit)}"
    return f"{shown} is no purpose of this town; {_choose(fit)}"


def _choose(fit: Iterable[Purpose]) -> str:
    return "choose one: " + ", ".join(f"{p.name} (to {p.meant})" for p in fit)
