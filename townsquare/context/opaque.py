"""Names of instances in time as clients know them.

Instances are numbered in the order in which the city records them, so their numbers would tell how
much is recorded that somebody may not see. Always holds: what is told and taken is the number under
a key of the town: always the same for one instance, in every store and file, and in no order. What
another broker calls its own instances is told as it is.
"""

import asyncio
import re
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from townsquare.context.documents import Documents
from townsquare.context.private import key
from townsquare.model.errors import NotFound
from townsquare.store.past import INSTANCE, instance_id, instance_number

KEY = key("instances:key")  # in the store, so that a copy of it gives the same names
KEY_BYTES = 16
REST = bytes(8)  # of a block behind the number: what somebody made up does not have it
NAME = re.compile(re.escape(INSTANCE) + r"([0-9a-f]{32})")
NONE = f"{INSTANCE}none"


class Opaque:
    def __init__(self, secret: bytes) -> None:
        # One block each, so there are no patterns between blocks that this mode would show.
        cipher = Cipher(algorithms.AES(secret), modes.ECB())  # noqa: S305 - single blocks
        self._hidden, self._found = cipher.encryptor().update, cipher.decryptor().update

    def told(self, id: str | None) -> str | None:
        number = instance_number(id) if id else None
        if number is None:
            return id
        return INSTANCE + self._hidden(number.to_bytes(8, "big") + REST).hex()

    def meant(self, id: str) -> str:
        """The id of ours that was told so; else one that nothing has."""
        found = NAME.fullmatch(id)
        block = self._found(bytes.fromhex(found[1])) if found else b""
        ours = block.endswith(REST) and not block[0] >> 7
        return instance_id(int.from_bytes(block[:8], "big")) if ours else NONE


class Naming:
    """Has the key, made when a name is told for the first time."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._making = asyncio.Lock()
        self._names: Opaque | None = None

    async def names(self) -> Opaque:
        async with self._making:
            if self._names is None:
                self._names = Opaque(await self._secret())
            return self._names

    async def _secret(self) -> bytes:
        try:
            return bytes.fromhex((await self._documents.read(KEY)).decode())
        except NotFound:
            made = secrets.token_bytes(KEY_BYTES)
            await self._documents.note({KEY: made.hex().encode()})
            return made
