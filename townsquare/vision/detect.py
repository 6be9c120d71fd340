"""Road users in a picture: boxes with a class and a score, nothing about who they are.

The model is checked against its known sum before it is loaded. It has seven classes and no
other output (see models/nanodet.md), so nothing else can be asked of it.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from av import VideoFrame

from townsquare.model.errors import CannotStart
from townsquare.vision.boxes import Boxes, found_in

MODEL = Path(__file__).parent / "models" / "nanodet.onnx"
SHA256 = "c1b429eab642683006550e9f4e7d95cab348f97d83b25a222a7a741f1ebb38ee"
SIZE = 416  # pixels, of the square that the model takes
GREY = 114  # around the picture where it is not square, as the model was trained


class Detector:
    """Holds the compiled model. One call at a time."""

    def __init__(self, model: Path = MODEL) -> None:
        """Raises CannotStart when the file is not the one that was measured."""
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            # A second thread costs half as much CPU again for little speed (docs/vision.md).
            "INFERENCE_NUM_THREADS": "1",
        }
        compiled = openvino.Core().compile_model(_model_text(model), "CPU", config)
        self._request = compiled.create_infer_request()
        self._square = np.full((1, SIZE, SIZE, 3), GREY, np.uint8)

    def detect(self, frame: VideoFrame) -> Boxes:
        scale = SIZE / max(frame.width, frame.height)
        width, height = round(frame.width * scale), round(frame.height * scale)
        small = frame.reformat(width, height, "bgr24", interpolation="AREA")
        self._square[...] = GREY
        self._square[0, :height, :width] = small.to_ndarray()
        answer = self._request.infer([self._square], share_inputs=True)
        return found_in(answer["scores"], answer["boxes"] / np.float32(scale))


def _model_text(model: Path) -> Any:
    try:
        content = model.read_bytes()
    except OSError as error:
        raise CannotStart(f"model {model} cannot be read: {error.strerror}; reinstall") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise CannotStart(f"model {model} is not the one that was measured; reinstall townsquare")
    return openvino.Core().read_model(content)
