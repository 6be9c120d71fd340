"""Asks a host of Modbus TCP for its registers, every few seconds.

Always holds: an answer that is an exception, cut short or none at all is counted and gives no
value; the other units are asked all the same. A host is called only where it is declared.
"""

import asyncio
import json
import logging
from dataclasses import dataclass

import httpx
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from townsquare.context import outgoing
from townsquare.devices.intake import Intake, Message
from townsquare.devices.ways import BITS, WORDS, Modbus, Register, Type
from townsquare.model.errors import TownsquareError

ANSWERS_S = 3.0
LONGEST_WAIT_S = 60.0
log = logging.getLogger(__name__)
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what matters of it is told here

DATATYPE = AsyncModbusTcpClient.DATATYPE
TYPES: dict[Type, AsyncModbusTcpClient.DATATYPE] = {
    "u16": DATATYPE.UINT16,
    "s16": DATATYPE.INT16,
    "u32": DATATYPE.UINT32,
    "s32": DATATYPE.INT32,
    "f32": DATATYPE.FLOAT32,
    "u64": DATATYPE.UINT64,
    "s64": DATATYPE.INT64,
    "f64": DATATYPE.FLOAT64,
}


@dataclass(slots=True)
class Poller:
    source: Modbus
    intake: Intake
    allowed: outgoing.Allowed

    async def run(self) -> None:
        """As a room; never returns."""
        wait_s, tally = 1.0, self.intake.tally
        while True:
            try:
                await self._ask()
            except (ModbusException, httpx.ConnectError, OSError, TownsquareError) as error:
                log.warning("devices at %s are not heard: %s", self.source.name, error)
                tally.at(self.source.name).refuse(f"it does not answer: {error}", b"")
            if tally.connected.get(self.source.name):
                wait_s = 1.0
            tally.connected[self.source.name] = False
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _ask(self) -> None:
        """While the connection holds."""
        source = self.source
        address = await outgoing.checked(self.allowed, source.host, source.port)
        client = AsyncModbusTcpClient(
            str(address), port=source.port, timeout=ANSWERS_S, retries=0, reconnect_delay=0
        )
        try:
            if not await client.connect():
                raise OSError(f"nothing listens on port {source.port}")
            while client.connected:
                began = asyncio.get_running_loop().time()
                await self.intake.take(
                    [one for unit in source.units if (one := await self._unit(client, unit))]
                )
                took_s = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(0.0, source.every_s - took_s))
        finally:
            client.close()

    async def _unit(self, client: AsyncModbusTcpClient, unit: int) -> Message | None:
        """What a unit says; None where any of it cannot be read, which is counted."""
        source, told = self.source, dict[str, int | float | bool]()
        for register in source.register:
            answer = await _answer(client, register, unit)
            try:
                told[register.name] = _value(register, answer)
            except (ModbusException, ValueError) as error:
                why = f"unit {unit}, register {register.name}: {error}"
                self.intake.tally.at(source.name).refuse(why, _first_bytes(answer))
                return None
            finally:
                self.intake.tally.connected[source.name] = True
        return Message(source.name, "json", f"unit-{unit}", json.dumps(told).encode())


async def _answer(client: AsyncModbusTcpClient, register: Register, unit: int) -> ModbusPDU:
    read = {
        "holding": client.read_holding_registers,
        "input": client.read_input_registers,
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
    }[register.table]
    return await read(register.at, count=WORDS[register.type], device_id=unit)


def _value(register: Register, answer: ModbusPDU) -> int | float | bool:
    """Raises ValueError for what is no answer to this."""
    if answer.isError():
        raise ValueError(f"it answers with exception {getattr(answer, 'exception_code', '')}")
    if register.table in BITS:
        if not answer.bits:
            raise ValueError("its answer has no bit")
        return bool(answer.bits[0])
    words = WORDS[register.type]
    if len(answer.registers) != words:
        raise ValueError(f"its answer has {len(answer.registers)} words, not {words}")
    order = "little" if register.low_word_first else "big"
    found = AsyncModbusTcpClient.convert_from_registers(
        answer.registers,
        TYPES[register.type],
        word_order=order,  # type: ignore[arg-type]  # one of the two
    )
    if not isinstance(found, int | float) or found != found or found in (1e999, -1e999):
        raise ValueError("its value is no number")
    return found


def _first_bytes(answer: ModbusPDU) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in answer.registers or [])
