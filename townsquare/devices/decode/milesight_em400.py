"""Milesight EM400-UDL and EM400-MUD: distance by ultrasound, for bins and water levels.

A row of channel, type and value. The user guide of the EM400-UDL, 5.2, gives an example:
01 75 64, 03 67 f8 00, 04 82 01 01, 05 00 01 is 100 %, 24.8 °C, 257 mm, tilted.
"""

from townsquare.devices.kind import Kind, Measured, Unreadable, Value

TEXTS = {(0xFF, 0x16): 8, (0xFF, 0x09): 2, (0xFF, 0x0A): 2}  # of itself, when it joins
BYTES = {(0xFF, 0x01): 1, (0xFF, 0x0B): 1, (0xFF, 0x0F): 1} | TEXTS


def decode(payload: bytes, port: int) -> dict[str, Value]:
    found, at = dict[str, Value](), 0
    while at < len(payload):
        key = payload[at], payload[at + 1]
        length = _read(key, payload[at + 2 :], found)
        if len(payload) < at + 2 + length:
            raise Unreadable(f"channel {key[0]:02x} {key[1]:02x} is cut short")
        at += 2 + length
    return found


def _read(key: tuple[int, int], rest: bytes, found: dict[str, Value]) -> int:
    """How many bytes it takes. Raises Unreadable or IndexError."""
    match key:
        case (0x01, 0x75):
            found["batteryLevel"] = rest[0] / 100
            return 1
        case (0x03 | 0x83 as channel, 0x67):
            found["temperature"] = int.from_bytes(rest[:2], "little", signed=True) / 10
            return 2 if channel == 0x03 else 3
        case (0x04 | 0x84 as channel, 0x82):
            found["distance"] = int.from_bytes(rest[:2], "little")
            return 2 if channel == 0x04 else 3
        case (0x05, 0x00):
            found["tilted"] = rest[0] != 0
            return 1
        case _ if key in BYTES:
            return BYTES[key]
    raise Unreadable(f"channel {key[0]:02x} {key[1]:02x} is unknown")


KIND = Kind(
    "milesight-em400",
    "Milesight EM400-UDL or EM400-MUD",
    (
        Measured("batteryLevel", "", 0, 1),
        Measured("temperature", "CEL", -40, 85),
        Measured("distance", "MMT", 0, 10_000),
        Measured("tilted"),
    ),
    decode,
    "EM400-UDL User Guide, 5.2 Sensor Data",
)
