"""Dragino LHT65: temperature and humidity, with a second temperature on a cable.

Its manual gives an example, port 2: cb f6 0b 0d 03 76 01 0a dd 7f ff is 3.062 V, 28.29 °C, 88.6 %
and, on the cable (type 01), 27.81 °C. 7f ff stands for a cable that is not there.
"""

from townsquare.devices.kind import Kind, Measured, Unreadable, Value

LENGTH, PORT, ON_A_CABLE, ABSENT = 11, 2, 1, 0x7FFF


def decode(payload: bytes, port: int) -> dict[str, Value]:
    if port not in (0, PORT):
        return {}  # its settings, not what it measures
    if len(payload) != LENGTH:
        raise Unreadable(f"this has {len(payload)} bytes instead of {LENGTH}")
    found: dict[str, Value] = {
        "batteryVoltage": (int.from_bytes(payload[:2]) & 0x3FFF) / 1000,
        "temperature": int.from_bytes(payload[2:4], signed=True) / 100,
        "relativeHumidity": int.from_bytes(payload[4:6]) / 1000,
    }
    cable = int.from_bytes(payload[7:9], signed=True)
    if payload[6] & 0x0F == ON_A_CABLE and cable != ABSENT:
        found["cableTemperature"] = cable / 100
    return found


KIND = Kind(
    "dragino-lht65",
    "Dragino LHT65",
    (
        Measured("batteryVoltage", "VLT", 0, 5),
        Measured("temperature", "CEL", -40, 85),
        Measured("relativeHumidity", "", 0, 1),
        Measured("cableTemperature", "CEL", -55, 125),
    ),
    decode,
    "LHT65 LoRaWAN Temperature and Humidity Sensor Manual, 2.4 Uplink Payload",
)
