"""The picture that an operator may see under a lease: the empty place with opaque shapes.

Nothing here takes a live picture, so none can be sent, whatever the detector missed.
"""

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np

from townsquare.model.camera import RoadUser
from townsquare.vision.background import Background, Box, Bytes, ready

Figure = tuple[RoadUser, Box]

COLOURS: dict[RoadUser, tuple[int, int, int]] = {
    "person": (0, 114, 178),
    "bicycle": (230, 159, 0),
    "motorcycle": (230, 159, 0),
    "car": (204, 121, 167),
    "bus": (204, 121, 167),
    "truck": (204, 121, 167),
    "tram": (0, 158, 115),
}
EDGE = (255, 255, 255)
QUALITY = 4  # of JPEG in FFmpeg's scale, 2 best to 31


def drawn(background: Background, figures: Iterable[Figure]) -> Bytes | None:
    """(h, w, 3) red green blue; None until the background is ready."""
    if not ready(background):
        return None
    picture = background.picture.copy()
    # From far to near, so that who stands in front is in front.
    for of, box in sorted(figures, key=lambda figure: figure[1][3]):
        _draw(picture, box, COLOURS[of])
    return picture


def _draw(picture: Bytes, box: Box, colour: tuple[int, int, int]) -> None:
    """An opaque shape with round corners and a light edge, as large as the box."""
    height, width = picture.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    right, bottom = int(box[2] * width), int(box[3] * height)
    rows = slice(*np.clip((top, bottom + 1), 0, height))
    columns = slice(*np.clip((left, right + 1), 0, width))
    y, x = np.mgrid[rows, columns]
    across = (2 * x - left - right) / max(right - left, 1)
    down = (2 * y - top - bottom) / max(bottom - top, 1)
    round_ = across**4 + down**4
    part = picture[rows, columns]
    part[round_ <= 1.0] = EDGE
    part[round_ <= 0.65] = colour


def jpeg(picture: Bytes) -> bytes:
    height, width = picture.shape[:2]
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 1)
    encoder.thread_count = 1
    encoder.options = {"flags": "+qscale", "global_quality": str(QUALITY * 118)}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuvj420p", dst_color_range="JPEG"
    )
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
