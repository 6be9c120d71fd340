"""How a worker reaches a graphics card, one of NVIDIA's: the only kind that decodes or infers here.

Named before the worker gives up the rest, so nothing here loads what decodes or infers.
"""

from importlib import metadata
from pathlib import Path

# What the driver looks up in the process that uses it, by AppArmor's abstractions for it.
LOOKED_UP = (
    *("/proc/driver/nvidia", "/proc/devices", "/proc/modules"),
    *("/sys/bus/pci/devices", "/sys/devices/system/memory/block_size_bytes"),
)


def reached(decodes: bool) -> tuple[list[str], list[str]]:
    """What has to be readable, and the devices to use. Neither where no card has anything to do:
    a driver that need not be spoken to is one thing less that a broken video can break.
    """
    return ([*LOOKED_UP], devices()) if decodes or infers() else ([], [])


def infers() -> bool:
    """Whether the build of ONNX Runtime for GPUs is installed."""
    try:
        metadata.version("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    return True


def devices() -> list[str]:
    return [str(path) for path in Path("/dev").glob("nvidia*") if path.is_char_device()]
