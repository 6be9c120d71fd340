"""Road users in a picture: boxes with a class and a score, nothing about who they are.

The model is one of the list of allowed ones, by the sum of its content. It has seven classes and
no other output (see models/nanodet.md), so nothing else can be asked of it.
"""

from pathlib import Path

import numpy as np
import openvino
from av import VideoFrame

from townsquare.vision import allowed
from townsquare.vision.boxes import Boxes, found_in

MODEL = allowed.FOLDER / "nanodet.onnx"
SIZE = 416  # pixels, of the square that the model takes
GREY = 114  # around the picture where it is not square, as the model was trained


class Detector:
    """Holds the compiled model. One call at a time."""

    def __init__(self, model: Path = MODEL) -> None:
        """Raises CannotStart when the model is not one of those that may be loaded."""
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            # A second thread costs half as much CPU again for little speed (docs/vision.md).
            "INFERENCE_NUM_THREADS": "1",
        }
        core = openvino.Core()
        graph = core.read_model(allowed.content(model))
        compiled = core.compile_model(graph, "CPU", config)
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
