"""Open what a camera's url names, and nothing else.

Always holds: a file opens no other file and no connection; a stream opens no file; a list of
pieces leads over HTTP only. What goes wrong is told as NoPictures, never with the login.
"""

from dataclasses import dataclass

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

from townsquare.model.camera import Transport
from townsquare.model.mask import Mask
from townsquare.vision.address import arrives_as_taken, is_file
from townsquare.vision.trouble import NoPictures

PATIENCE_S = 10.0  # for a connection, and for the next packet: longer than a camera's key frames
REORDER_S = 0.5  # for a packet that another one overtook on its way here (UDP)
DEAD_LIST = 10  # times that a list of pieces may come again without a new one

# Containers of video. No format that names other places: no list, no description of a session.
FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "flv"),
    *("asf", "ogg", "ivf", "obu", "mjpeg", "mpjpeg", "mxf", "nut", "dv"),
)
OVER_HTTP = (*FORMATS, "hls", "aac", "ac3", "eac3", "mp3")  # the sound of a list is its own piece


@dataclass(frozen=True, slots=True)
class Way:
    """How to read a camera. `per_s` is how many pictures a second are wanted at most; 0 is all.
    `masks` are burnt into each of them.
    """

    transport: Transport = "tcp"
    per_s: float = 0.0
    hardware: bool = False
    masks: tuple[Mask, ...] = ()


ALL = Way()


def transport(set: Transport, failures: int) -> Transport:
    """For the next try, after so many in a row that gave no picture: what is set to UDP is tried
    twice, then twice over TCP, which more networks let through, and so on.
    """
    return "tcp" if set == "tcp" or failures // 2 % 2 else "udp"


def opened(url: str, way: Way) -> InputContainer:
    """Raises NoPictures."""
    patience = (PATIENCE_S, PATIENCE_S)
    hardware = HWAccel("cuda", allow_software_fallback=True) if way.hardware else None
    try:
        return av.open(url, timeout=patience, options=options(url, way), hwaccel=hardware)
    except (OSError, ValueError, av.error.FFmpegError) as error:
        # From None, here and below: FFmpeg's own message has the whole url with the login.
        raise no_answer(url, error) from None


def options(url: str, way: Way) -> dict[str, str]:
    """For FFmpeg, as its page of protocols and formats has them."""
    if arrives_as_taken(url):
        return {
            "protocol_whitelist": "rtsp,rtp,udp,tcp,tls",
            "format_whitelist": "rtsp",
            "rtsp_transport": way.transport,
            "allowed_media_types": "video",  # not even the bytes of any sound
            "timeout": str(round(PATIENCE_S * 1e6)),
            "max_delay": str(round(REORDER_S * 1e6)),
        }
    if is_file(url):
        return {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}
    return {
        "protocol_whitelist": "http,https,tcp,tls,crypto",
        "format_whitelist": ",".join(OVER_HTTP),
        "m3u8_hold_counters": str(DEAD_LIST),
    }


def no_answer(url: str, error: Exception) -> NoPictures:
    match error:
        case FileNotFoundError() | av.error.HTTPNotFoundError():
            return NoPictures("missing", url)
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return NoPictures("refused", url)
        # An argument that is not valid: the format is none of those above.
        case av.error.InvalidDataError() | av.error.EOFError() | av.error.ArgumentError():
            return NoPictures("notVideo", url)
    return NoPictures("unreadable" if is_file(url) else "noAnswer", url, why(error))


def why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
