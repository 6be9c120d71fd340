"""What goes into a recorder, and the only things that it can say. Pure.

Always holds: what it says is of one closed type: that a segment lies on the shelf, that there is
none of some time, and how it goes. No packet and no key passes; words are of closed lists.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from townsquare.model.camera import Transport
from townsquare.model.errors import Invalid
from townsquare.trust.seal.keys import SealingKey
from townsquare.vision.sandbox import Sandbox
from townsquare.vision.trouble import Trouble

# Why there is nothing of some time: the camera gave nothing; the town did not run, or recording was
# ended; the disk is full, or could not be written; there was no key; what was there is damaged.
Lack = Literal["camera", "off", "disk full", "disk", "key", "damaged"]
Time = Annotated[datetime, Meta(tz=True)]
AHEAD = timedelta(minutes=1)  # of the house, by a clock that both read: it was set meanwhile
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
File = Annotated[str, Meta(pattern=r"^\d{1,12}-\d{6}\.seal$")]
Hour = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d$")]
Size = Annotated[int, Meta(ge=0, le=1 << 32)]


class Source(Struct, frozen=True):
    """A camera, as a recorder must know it. `url` carries the login. `least` is the largest size
    class that it used lately.
    """

    name: str
    url: str
    transport: Transport = "tcp"
    least: int = 0


class Task(Struct, frozen=True):
    """`folder` is where footage lies; `custodians` are their public keys as they print them, `keys`
    those of hours in base64.
    """

    cameras: tuple[Source, ...]
    folder: str
    custodians: tuple[str, ...]
    terms: str
    policy: str
    keys: Mapping[str, str]


class Renew(Struct, frozen=True):
    """From now on."""

    policy: str
    keys: Mapping[str, str]


class Kept(Struct, frozen=True, forbid_unknown_fields=True, tag_field="recorded", tag="segment"):
    """It is durable, and listed."""

    camera: str
    hour: Hour
    file: File
    digest: Digest
    since: Time
    until: Time
    size: Size  # bytes of the file


class Lost(Struct, frozen=True, forbid_unknown_fields=True, tag_field="recorded", tag="gap"):
    camera: str
    since: Time
    until: Time
    why: Lack


class State(Struct, frozen=True, forbid_unknown_fields=True, tag_field="recorded", tag="state"):
    """Of one camera, every few seconds. `lack` and `trouble` say why it is not recorded."""

    camera: str
    recording: bool
    sandbox: Sandbox
    lack: Lack | Literal[""] = ""
    trouble: Trouble = ""


Said = Kept | Lost | State
_decoder: "msgspec.json.Decoder[Said]" = msgspec.json.Decoder(Said)


def line(message: Task | Renew | Said) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def task(text: bytes) -> Task:
    return msgspec.json.decode(text, type=Task)


def renewed(text: bytes) -> Renew:
    return msgspec.json.decode(text, type=Renew)


def heard(text: bytes) -> Said:
    """Raises Invalid."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(f"a recorder said what it cannot say: {error}") from error


def require_of_now(said: Said, now: datetime) -> None:
    """Raises Invalid for a time that a recorder cannot speak of."""
    if isinstance(said, State):
        return
    if not said.since <= said.until <= now + AHEAD:
        raise Invalid("a recorder spoke of a time that has not come, or ended before it began")


def told(keys: Mapping[str, SealingKey]) -> dict[str, str]:
    return {hour: b64encode(key.raw).decode() for hour, key in keys.items()}


def taken(keys: Mapping[str, str]) -> dict[str, SealingKey]:
    """Raises Invalid."""
    return {hour: SealingKey(b64decode(key)) for hour, key in keys.items()}
