"""Ways in beside MQTT and HTTP, as townsquare.toml has them: Modbus and folders. Pure."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from townsquare.devices.names import require_name
from townsquare.model.errors import Invalid

Table = Literal["holding", "input", "coil", "discrete"]
Type = Literal["u16", "s16", "u32", "s32", "f32", "u64", "s64", "f64", "bool"]
BITS: frozenset[Table] = frozenset({"coil", "discrete"})
WORDS: dict[Type, int] = {
    "bool": 1,
    "u16": 1,
    "s16": 1,
    "u32": 2,
    "s32": 2,
    "f32": 2,
    "u64": 4,
    "s64": 4,
    "f64": 4,
}
HIGHEST = 65_535
MOST_UNITS = 32


@dataclass(frozen=True, slots=True)
class Register:
    """[[devices.modbus.register]]: the value `name` of a unit. `at` counts from 0, as the protocol
    does: 40001 of a manual is `at = 0` of the table holding.
    """

    name: str
    at: int
    table: Table = "holding"
    type: Type = "u16"
    low_word_first: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise Invalid(f"register {self.name[:60]!r} needs a name such as flow")
        if (self.table in BITS) != (self.type == "bool"):
            raise Invalid(
                f"register {self.name!r}: coils and discrete inputs, and they only, are bool"
            )
        if not 0 <= self.at <= HIGHEST + 1 - WORDS[self.type]:
            raise Invalid(f"register {self.name!r}: at counts from 0 to {HIGHEST}")


@dataclass(frozen=True, slots=True)
class Modbus:
    """[[devices.modbus]]: a host that is asked `every_s`. Each of its `units` is a device,
    unit-1 and so on.
    """

    name: str
    host: str
    register: tuple[Register, ...]
    units: tuple[int, ...] = (1,)
    port: int = 502
    every_s: float = 10.0

    def __post_init__(self) -> None:
        require_name(self.name)
        if not self.register:
            raise Invalid(f"{self.name!r} reads nothing; write [[devices.modbus.register]]")
        names = [one.name for one in self.register]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"{self.name!r} has two registers named {min(twice)!r}")
        if not self.units or len(self.units) > MOST_UNITS or len({*self.units}) < len(self.units):
            raise Invalid(f"units of {self.name!r} are 1 to {MOST_UNITS} different numbers")
        if not all(0 <= unit <= 255 for unit in self.units) or not 1 <= self.port <= HIGHEST:
            raise Invalid(f"{self.name!r}: a unit is 0 to 255, and a port 1 to {HIGHEST}")
        if not 1 <= self.every_s <= 3600:
            raise Invalid(f"{self.name!r}: every_s takes 1 to 3600")


@dataclass(frozen=True, slots=True)
class Folder:
    """[[devices.folder]]: files of CSV that are put into `path`. Each row is a message of the
    device that its column `device` names.
    """

    name: str
    path: str
    device: str = "device"
    separator: str = ","

    def __post_init__(self) -> None:
        require_name(self.name)
        if not PurePath(self.path).is_absolute():
            raise Invalid(f"path of {self.name!r} must begin at the root, such as /srv/meters")
        if len(self.separator) != 1 or self.separator in '"\r\n':
            raise Invalid(f"separator of {self.name!r} is one sign, such as ;")
