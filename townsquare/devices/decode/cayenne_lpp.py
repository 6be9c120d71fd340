"""Cayenne Low Power Payload: many makers' devices can speak it.

A row of channel, type and value, numbers big-endian. Its documentation gives an example:
03 67 01 10, 05 67 00 ff is 27.2 °C on channel 3 and 25.5 °C on channel 5. Of each thing that is
measured the lowest channel counts, which is how makers number the main sensor. Places are left
out: a device that is put up stays where it was accepted.
"""

from townsquare.devices.kind import Kind, Measured, Unreadable, Value

# Type: its name, bytes, what one step is, and whether it has a sign.
NUMBERS: dict[int, tuple[str, int, float, bool]] = {
    0x02: ("analogInput", 2, 0.01, True),
    0x65: ("illuminance", 2, 1, False),
    0x67: ("temperature", 2, 0.1, True),
    0x68: ("relativeHumidity", 1, 0.005, False),  # half a percent; a share here
    0x73: ("atmosphericPressure", 2, 0.1, False),
}
SWITCHES = {0x00: "digitalInput", 0x66: "presence"}
SKIPPED = {0x01: 1, 0x03: 2, 0x71: 6, 0x86: 6, 0x88: 9}  # outputs, motion of the device, place


def decode(payload: bytes, port: int) -> dict[str, Value]:
    found, channels, at = dict[str, Value](), dict[str, int](), 0
    while at < len(payload):
        channel, type = payload[at], payload[at + 1]
        length = _length(type)
        raw = payload[at + 2 : at + 2 + length]
        if len(raw) < length:
            raise Unreadable(f"type {type:02x} of channel {channel} is cut short")
        at += 2 + length
        if type in SKIPPED:
            continue
        name, value = _value(type, raw)
        if channel <= channels.get(name, channel):
            found[name], channels[name] = value, channel
    return found


def _length(type: int) -> int:
    if type in NUMBERS:
        return NUMBERS[type][1]
    if type in SWITCHES:
        return 1
    if type in SKIPPED:
        return SKIPPED[type]
    raise Unreadable(f"type {type:02x} is unknown")


def _value(type: int, raw: bytes) -> tuple[str, Value]:
    if type in SWITCHES:
        return SWITCHES[type], raw[0] != 0
    name, _, step, signed = NUMBERS[type]
    return name, round(int.from_bytes(raw, signed=signed) * step, 4)


KIND = Kind(
    "cayenne-lpp",
    "a device that speaks Cayenne LPP",
    (
        Measured("analogInput", "", -327.68, 327.67),
        Measured("digitalInput"),
        Measured("illuminance", "LUX", 0, 65_535),
        Measured("presence"),
        Measured("temperature", "CEL", -60, 100),
        Measured("relativeHumidity", "", 0, 1),
        Measured("atmosphericPressure", "A97", 300, 1_200),
    ),
    decode,
    "Cayenne LPP, data format",
)
