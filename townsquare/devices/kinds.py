"""All kinds of devices that this town can read: those of the product, and those it wrote down."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping

from townsquare.devices import decode
from townsquare.devices.kind import Kind
from townsquare.devices.mapping import Mapped
from townsquare.model.errors import Invalid


def kinds(mapped: Iterable[Mapped] = ()) -> Mapping[str, Kind]:
    """By name. Raises Invalid where a town's has the name of another."""
    names = (one.name for one in pkgutil.iter_modules(decode.__path__))
    found = {
        kind.name: kind
        for name in sorted(names)
        if (kind := importlib.import_module(f"{decode.__name__}.{name}").KIND)
    }
    for one in mapped:
        if one.name in found:
            raise Invalid(f"there is a kind of device {one.name!r} already; take another name")
        found[one.name] = one.kind
    return found
