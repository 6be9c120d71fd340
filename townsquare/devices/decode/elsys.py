"""ELSYS ERS, ELT and EMS: rooms and streets, with what each model measures.

A row of type and value, big-endian. Its payload document gives an example: 01 00 e2, 02 29,
04 00 27, 05 06, 06 03 08, 07 0d 62 is 22.6 °C, 41 %, 39 lux, 6 movements, 776 ppm and 3.426 V.
Movements are counted by a passive infrared sensor; they are no count of people.
"""

from townsquare.devices.kind import Kind, Measured, Unreadable, Value

# Type: its name, bytes, divisor, and whether it has a sign.
NUMBERS: dict[int, tuple[str, int, int, bool]] = {
    0x01: ("temperature", 2, 10, True),
    0x02: ("relativeHumidity", 1, 100, False),
    0x04: ("illuminance", 2, 1, False),
    0x05: ("movements", 1, 1, False),
    0x06: ("co2", 2, 1, False),
    0x07: ("batteryVoltage", 2, 1000, False),
    0x0C: ("cableTemperature", 2, 10, True),
    0x14: ("atmosphericPressure", 4, 1000, False),
}
SWITCHES = {0x0D: "digitalInput", 0x12: "leaking"}
SKIPPED = {0x03: 3, 0x0F: 1, 0x3D: -1, 0x3E: -1}  # its position, what it said of itself


def decode(payload: bytes, port: int) -> dict[str, Value]:
    found, at = dict[str, Value](), 0
    while at < len(payload):
        type = payload[at]
        length = _length(type, len(payload) - at - 1)
        raw = payload[at + 1 : at + 1 + length]
        if len(raw) < length:
            raise Unreadable(f"type {type:02x} is cut short")
        at += 1 + length
        if type in SWITCHES:
            found[SWITCHES[type]] = raw[0] != 0
        elif type in NUMBERS:
            name, _, divisor, signed = NUMBERS[type]
            found[name] = int.from_bytes(raw, signed=signed) / divisor
    return found


def _length(type: int, left: int) -> int:
    """Settings go on to the end."""
    if type in NUMBERS:
        return NUMBERS[type][1]
    if type in SWITCHES:
        return 1
    if type in SKIPPED:
        return SKIPPED[type] if SKIPPED[type] >= 0 else left
    raise Unreadable(f"type {type:02x} is unknown")


KIND = Kind(
    "elsys",
    "ELSYS ERS, ELT or EMS",
    (
        Measured("temperature", "CEL", -40, 85),
        Measured("relativeHumidity", "", 0, 1),
        Measured("illuminance", "LUX", 0, 65_535),
        Measured("movements", "", 0, 255),
        Measured("co2", "59", 0, 10_000),
        Measured("batteryVoltage", "VLT", 0, 5),
        Measured("cableTemperature", "CEL", -60, 150),
        Measured("atmosphericPressure", "A97", 300, 1_200),
        Measured("digitalInput"),
        Measured("leaking"),
    ),
    decode,
    "Elsys LoRa payload, rev. 11",
)
