"""Whether a graphics card decodes here: an NVIDIA one, the only kind that PyAV's build knows."""

import av
from av.codec import Codec
from av.codec.hwaccel import HWAccel


def decodes() -> bool:
    """Asked once, when a worker starts: it takes a moment, and memory of the card."""
    try:
        HWAccel("cuda").create(Codec("h264", "r"))
    except (OSError, ValueError, RuntimeError, av.error.FFmpegError):
        return False
    return True
