"""The roles that people, programs and rooms play here, as a folder of policies lists them. Pure."""

from dataclasses import dataclass
from typing import Literal

from townsquare.model.errors import Invalid
from townsquare.model.settings import parse

FILE = "roles.toml"  # in a folder of policies
NEEDED = frozenset({"room", "citizen", "open", "break-glass"})  # that the house itself gives


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    title: str
    of: Literal["the town", "the house"] = "the town"  # a program of the house is no person


@dataclass(frozen=True, slots=True)
class Roles:
    """roles.toml."""

    role: tuple[Role, ...]

    def __post_init__(self) -> None:
        names = [role.name for role in self.role]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"two roles have the name {min(twice)!r}")
        if missing := NEEDED.difference(names):
            raise Invalid(f"the role {min(missing)!r} is missing, which the house gives by itself")


def roles(text: str, name: str = FILE) -> Roles:
    """Raises Invalid, naming the line."""
    return parse(text, name, Roles)
