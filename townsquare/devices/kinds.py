"""All kinds of devices that this town can read: those of the product, and those it wrote down.

Each is named here: nothing loads code that nobody named.
"""

from collections.abc import Iterable, Mapping

from townsquare.devices.decode import cayenne_lpp, dragino_lht65, elsys, milesight_em400
from townsquare.devices.kind import Kind
from townsquare.devices.mapping import Mapped
from townsquare.model.errors import Invalid

KINDS = (cayenne_lpp.KIND, dragino_lht65.KIND, elsys.KIND, milesight_em400.KIND)


def kinds(mapped: Iterable[Mapped] = ()) -> Mapping[str, Kind]:
    """By name. Raises Invalid where a town's has the name of another."""
    found = {kind.name: kind for kind in KINDS}
    for one in mapped:
        if one.name in found:
            raise Invalid(f"there is a kind of device {one.name!r} already; take another name")
        found[one.name] = one.kind
    return found
