"""How news travels from the broker to those who watch."""

from townsquare.bus.memory import MemoryBus
from townsquare.model.errors import Invalid


def open_bus(url: str) -> MemoryBus:
    """`memory:` reaches everyone in this process."""
    if url == "memory:":
        return MemoryBus()
    raise Invalid(f"[bus] url {url!r} is not known; use memory:")
