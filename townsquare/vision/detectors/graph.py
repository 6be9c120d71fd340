"""Run the graph of a model on one thread: by OpenVINO, or by ONNX Runtime where that is better.

OpenVINO costs least on a CPU. ONNX Runtime is taken where it is installed with a GPU that it can
use, and where OpenVINO is not installed; it reads .onnx only, and those of its versions that call
their maker are left alone (docs/adr/0014-onnx-runtime-before-it-calls-home.md). More than one
thread is never asked for: a second one costs up to twice the processor time for half as much speed
again (docs/vision.md), and there are other cameras.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from townsquare.model.errors import CannotStart
from townsquare.vision import cards

Array = npt.NDArray[Any]
Shape = tuple[int, ...]  # 0 where a size is open
CALLS_HOME = (1, 29)  # the first version whose Linux builds do, unless they are told not to
# How OpenVINO is to run a model; in which numbers comes to it.
HOW = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1"}
# As ONNX Runtime calls them.
CPU, GPU = "CPUExecutionProvider", "CUDAExecutionProvider"
# What OpenVINO's word for a type is in numpy's.
TYPES = {"float32": "float32", "float16": "float16", "uint8_t": "uint8", "int64_t": "int64"}
TYPES |= {"int32_t": "int32", "tensor(float)": "float32", "tensor(float16)": "float16"}
TYPES |= {"tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(int32)": "int32"}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output. `type` is numpy's name of it, empty where it has none."""

    name: str
    shape: Shape
    type: str


@dataclass(frozen=True, slots=True)
class Graph:
    """`run` takes an array for each input and gives one for each output, in their order.

    `runtime` says by what and how exactly, for people: OpenVINO, bf16. `export` gives what was
    compiled, where that can be had; `imported` takes it.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    run: Callable[[Sequence[Array]], Sequence[Array]]
    runtime: str
    export: Callable[[], bytes] = bytes


def opened(content: bytes, weights: bytes = b"") -> Graph:
    """`weights` are the .bin beside an .xml; an .onnx holds its own. Raises CannotStart."""
    # Not asked where only the build for CPUs is: to load it costs memory, and it has no GPU.
    if not weights and cards.infers() and GPU in _providers():
        return by_onnx_runtime(content, GPU)
    try:
        import openvino
    except ImportError:
        openvino = None
    if openvino is not None:
        return _by_openvino(openvino, content, weights)
    if weights or not _providers():
        missing = "openvino" if weights else "openvino or onnxruntime"
        raise CannotStart(f"no runtime for this model is installed; pip install {missing}")
    return by_onnx_runtime(content)


def precision(capabilities: Sequence[str], quantised: bool) -> str:
    """In which numbers a CPU that says it can do this is to reckon.

    Those of 16 bit halve the time where there are units for them; a model of 8-bit weights is
    slowed down by them, since its own are as fast (docs/vision.md).
    """
    return "bf16" if "BF16" in capabilities and not quantised else "f32"


@cache
def _providers() -> tuple[str, ...]:
    """Of ONNX Runtime; none where it is not there, or calls its maker."""
    if not silent(_version("onnxruntime-gpu") or _version("onnxruntime")):
        return ()
    import onnxruntime

    return tuple(onnxruntime.get_available_providers())


def silent(version: str) -> bool:
    """Whether this version of ONNX Runtime is there and tells nobody that it runs."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return len(numbers) == 2 and tuple(numbers) < CALLS_HOME


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _by_openvino(openvino: Any, content: bytes, weights: bytes) -> Graph:
    core = openvino.Core()
    try:
        model = core.read_model(content, weights) if weights else core.read_model(content)
    except RuntimeError as error:
        raise CannotStart("OpenVINO cannot read the model; take it anew") from error
    numbers = precision(
        core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        any(node.get_type_name() == "FakeQuantize" for node in model.get_ops()),
    )
    compiled = core.compile_model(model, "CPU", {**HOW, "INFERENCE_PRECISION_HINT": numbers})
    return _ready(compiled, numbers)


def imported(content: bytes) -> Graph | None:
    """What `export` gave, on the same machine. None where this OpenVINO does not take it."""
    import openvino

    said, _, made = content.partition(b"\n")
    how = {**HOW, "INFERENCE_PRECISION_HINT": said.decode()}
    try:
        return _ready(openvino.Core().import_model(made, "CPU", how), said.decode())
    except RuntimeError:
        return None


def _ready(compiled: Any, numbers: str) -> Graph:
    request = compiled.create_infer_request()

    def run(given: Sequence[Array]) -> Sequence[Array]:
        answer = request.infer(list(given), share_inputs=True)
        return list(answer.values())

    return Graph(
        tuple(map(_openvino_port, compiled.inputs)),
        tuple(map(_openvino_port, compiled.outputs)),
        run,
        f"OpenVINO, {numbers}",
        lambda: _bytes(compiled, numbers),
    )


def _bytes(compiled: Any, numbers: str) -> bytes:
    """In which numbers it reckons comes first: what OpenVINO exports forgets it."""
    made = BytesIO()
    compiled.export_model(made)
    return numbers.encode() + b"\n" + made.getvalue()


def _openvino_port(port: Any) -> Port:
    sizes = tuple(s.get_length() if s.is_static else 0 for s in port.get_partial_shape())
    named = re.search(r"'(\w+)'", str(port.get_element_type()))
    kind = TYPES.get(named[1] if named else "", "")
    # Of several names the shortest is the one that its maker gave it.
    return Port(min(port.get_names(), key=len, default=""), sizes, kind)


def by_onnx_runtime(content: bytes, provider: str = CPU) -> Graph:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Else threads burn time between calls, waiting for the next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=[provider])
    except (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented) as error:
        raise CannotStart("ONNX Runtime cannot read the model; take it anew") from error
    inputs = tuple(_onnx_port(port) for port in session.get_inputs())

    def run(given: Sequence[Array]) -> Sequence[Array]:
        named = {port.name: np.ascontiguousarray(v) for port, v in zip(inputs, given, strict=True)}
        found: Sequence[Array] = session.run(None, named)
        return found

    outputs = tuple(_onnx_port(port) for port in session.get_outputs())
    where = "GPU" if provider == GPU else "CPU"
    return Graph(inputs, outputs, run, f"ONNX Runtime, {where}")


def _onnx_port(port: Any) -> Port:
    sizes = tuple(size if isinstance(size, int) else 0 for size in port.shape)
    return Port(port.name, sizes, TYPES.get(port.type, ""))
