"""What rooms keep beside entities and nobody is shown: names, public keys, hashes of secrets.

Always holds: a private row changes in the same transaction as the entity that it belongs to, and
to forget it is to drop the row. It has no history, and the log knows the entity's change only.
"""

from collections.abc import Mapping

from msgspec import structs

from townsquare.context.commit import Order, writes
from townsquare.store import Key, Row, Writes

Private = Mapping[str, bytes | None]  # by id; None drops the row


def key(id: str) -> Key:
    return Key("", "private", id)


def beside(private: Private, order: Order, rows: Mapping[Key, Row]) -> Writes:
    """The changes of an order, and these rows with them. Raises what `writes` raises."""
    made = writes(order, rows)
    kept = [Row(key(id), 1, body) for id, body in private.items() if body is not None]
    gone = [key(id) for id, body in private.items() if body is None]
    return structs.replace(made, put=[*made.put, *kept], delete=[*made.delete, *gone])
