"""What somebody sends to a door of a room, read into the type that the door wants.

Always holds: what is unknown or too much is refused with its place and with what the door takes.
"""

from typing import TypeVar

import msgspec
from msgspec import Struct, structs
from starlette.requests import Request

from townsquare.model.errors import Invalid

LONGEST = 262_144  # bytes: an area of many corners
T = TypeVar("T", bound=Struct)


async def sent(request: Request, kind: type[T]) -> T:
    """Raises Invalid."""
    return read(await request.body(), kind)


def read(body: bytes, kind: type[T]) -> T:
    """An empty one is one without members. Raises Invalid."""
    if len(body) > LONGEST:
        raise Invalid(f"this has {len(body)} bytes; {LONGEST} is the most")
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        members = ", ".join(field.encode_name for field in structs.fields(kind))
        raise Invalid(f"the body is JSON with {members or 'no members'}: {error}") from error


async def content(request: Request, most: int) -> bytes:
    """As it comes, and no more of it than `most` bytes. Raises Invalid."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > most:
            raise Invalid(f"this is over {most} bytes")
    return bytes(found)
