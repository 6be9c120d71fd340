"""One device: what was declared of it, and what becomes of what it says. Pure.

Always holds: one that nobody accepted delivers nothing; what it delivers goes to the one thing that
it was accepted for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from townsquare.devices.kind import Kind, Value
from townsquare.devices.types import DEVICE
from townsquare.devices.uplink import ADDRESS
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Invalid

State = Literal["undeclared", "accepted", "refused"]
Short = Annotated[str, Meta(max_length=200)]
THING = r"urn:ngsi-ld:[A-Za-z][A-Za-z0-9]{0,63}:[A-Za-z0-9._:-]{1,100}"


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What an engineer says of a device before it is listened to. `place` is longitude and
    latitude, degrees.
    """

    kind: Short
    thing: Annotated[str, Meta(pattern=f"^{THING}$")]
    owner: Annotated[str, Meta(min_length=2, max_length=200)]
    purpose: Short
    place: tuple[Annotated[float, Meta(ge=-180, le=180)], Annotated[float, Meta(ge=-90, le=90)]]
    name: Short = ""


class Known(Struct, frozen=True):
    id: str
    source: str
    address: str
    state: State
    kind: str = ""
    thing: str = ""
    place: Json = None
    version: int = 0


def device_id(source: str, address: str) -> str:
    return urn(DEVICE, f"{source}:{address}")


def known(kept: Entity) -> Known:
    told = {name: kept.value(name) for name in ("source", "serialNumber", "deviceState")}
    return Known(
        kept.id,
        str(told["source"]),
        str(told["serialNumber"]),
        told["deviceState"],
        str(kept.value("deviceKind") or ""),
        str(kept.value("controlledAsset") or ""),
        kept.value("location"),
        kept.version,
    )


def undeclared(source: str, address: str, now: datetime) -> Entity:
    return entity(
        device_id(source, address),
        DEVICE,
        name=Attribute(address),
        deviceState=Attribute("undeclared"),
        source=Attribute(source),
        serialNumber=Attribute(address),
        dateFirstUsed=Attribute(iso(now)),
    )


def accepted(id: str, told: Acceptance, by: str, now: datetime) -> Entity:
    _, _, rest = id.partition(f"{DEVICE}:")
    source, _, address = rest.partition(":")
    if not ADDRESS.fullmatch(address):
        raise Invalid(
            f"{id[:120]!r} is no device, such as urn:ngsi-ld:DeviceRegistration:city-lora:24e124713"
        )
    return entity(
        id,
        DEVICE,
        name=Attribute(told.name or address),
        deviceState=Attribute("accepted"),
        source=Attribute(source),
        serialNumber=Attribute(address),
        deviceKind=Attribute(told.kind),
        controlledAsset=relationship(told.thing),
        owner=Attribute(told.owner),
        purpose=Attribute(told.purpose),
        location=Attribute({"type": "Point", "coordinates": list(told.place)}, kind="GeoProperty"),
        acceptedBy=Attribute(by),
        acceptedAt=Attribute(iso(now)),
    )


def refused(id: str, why: str) -> Entity:
    return entity(id, DEVICE, deviceState=Attribute("refused"), refusedWhy=Attribute(why))


def observation(
    device: Known, kind: Kind, values: Mapping[str, Value], at: datetime, *, first: bool
) -> Entity:
    """What the thing is told. At `first` also where it is, and by which device."""
    known = kind.by_name
    told: dict[str, tuple[Attribute, ...]] = {
        name: (Attribute(value, observed_at=at, unit_code=known[name].unit or None),)
        for name, value in values.items()
    }
    if first:
        told["refDevice"] = (relationship(device.id),)
        told["location"] = (Attribute(device.place, kind="GeoProperty"),)
    return Entity(device.thing, (device.thing.split(":")[2],), told)
