"""What could identify a person is absent (docs/adr/0003-no-identification.md).

Four places could carry it: a package, a name in the source (route, entity type, attribute, column),
an output of a model, a field that leaves a vision worker. Each is held against a list, and each
check is shown to catch an inert dummy, since a check that cannot fail would be no promise.
"""

import ast
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import onnx
import pytest
from onnx import TensorProto, helper

from townsquare.model.camera import RoadUser
from townsquare.vision import observation

ROOT = Path(__file__).resolve().parents[2]

# Packages whose names do not say it.
PACKAGES = {
    *("dlib", "fer", "mtcnn", "openbr", "compreface", "mediapipe", "opencv-contrib-python"),
    *("opencv-contrib-python-headless", "torchreid", "fastreid", "boxmot", "norfair"),
    *("openalpr", "fast-alpr", "fast-plate-ocr", "open-image-models", "paddleocr", "easyocr"),
    *("pytesseract", "openvino-telemetry"),
}
# Words that a name of a package, route, type, attribute or column must not be made of.
WORDS = {
    *("face", "faces", "facial", "faceid", "insightface", "deepface", "facenet", "arcface"),
    *("retinaface", "fairface", "biometric", "biometrics", "fingerprint", "gait"),
    *("embedding", "embeddings", "reid", "reidentification", "reidentify", "landmarks"),
    *("plate", "plates", "licenceplate", "licenseplate", "numberplate", "alpr", "anpr", "lpr"),
    *("watchlist", "watchlists", "blacklist", "suspect", "suspects", "mugshot"),
    *("gender", "emotion", "emotions", "ethnicity", "ethnicities", "race", "socialscore"),
}
MODELS = {".onnx", ".xml", ".bin", ".pt", ".pth", ".tflite", ".pb", ".task", ".caffemodel"}
# What each kind of sentence of the gate consists of. More needs a decision, not an edit here.
GATE = {
    "Crossings": {"camera", "line", "of", "direction", "n", "since", "until"},
    "Occupancy": {"camera", "zone", "of", "mean", "max", "since", "until"},
    "Event": {"camera", "zone", "what", "since", "until", "confidence"},
    "Health": {
        *("camera", "read_per_s", "analysed_per_s", "dropped", "quality", "sandbox"),
        *("background", "since", "trouble", "size"),
    },
}


def words(name: str) -> set[str]:
    """The words of snake_case, camelCase, kebab-case and of a path."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return {word.lower() for word in re.split(r"[^A-Za-z0-9]+|_", apart) if word}


def suspicious(names: Iterator[str] | Sequence[str]) -> list[str]:
    return sorted({name for name in names if words(name) & WORDS})


def refused(packages: Iterator[str] | Sequence[str]) -> list[str]:
    plain = {re.sub(r"[-_.]+", "-", name.lower()) for name in packages}
    return sorted(name for name in plain if name in PACKAGES or words(name) & WORDS)


def names_in(source: str) -> Iterator[str]:
    """Identifiers, keywords and strings without blanks: what routes and attributes are made of."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not re.search(r"\s", node.value):
                yield node.value
        elif isinstance(node, ast.keyword | ast.arg):
            yield node.arg or ""
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def strange_outputs(model: onnx.ModelProto) -> list[str]:
    """Outputs that are not a score for each class or a box for each cell."""
    wanted = {"scores": len(get_args(RoadUser)), "boxes": 4}
    found = []
    for output in model.graph.output:
        shape = [size.dim_value for size in output.type.tensor_type.shape.dim]
        if len(shape) != 2 or shape[0] != wanted.get(output.name):
            found.append(f"{output.name} {shape}")
    return found


def files(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_package_could_identify_anyone() -> None:
    for lock in files("*.lock"):
        names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)
        assert names, lock.name
        assert refused(names) == [], lock.name
    pages = json.loads((ROOT / "townsquare" / "web" / "package-lock.json").read_text())
    assert refused([name.removeprefix("node_modules/") for name in pages["packages"]]) == []


def test_no_declared_dependency_could_identify_anyone() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    declared = text.split("[tool.uv]", maxsplit=1)[0]
    assert refused(re.findall(r'^\s*"([a-z0-9-]+)[>=<~;"\s]', declared, re.MULTILINE)) == []


@pytest.mark.parametrize("path", files("townsquare/*.py"), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_name_in_the_source_is_made_for_it(path: Path) -> None:
    assert suspicious(names_in(path.read_text())) == []


def test_no_column_is_made_for_it() -> None:
    for schema in files("townsquare/*.sql"):
        assert suspicious(re.findall(r"\w+", schema.read_text())) == []


def test_shipped_models_say_classes_and_boxes_only() -> None:
    shipped = [path for path in files() if path.suffix in MODELS]
    assert [path.name for path in shipped] == ["nanodet.onnx"]
    for path in shipped:
        assert strange_outputs(onnx.load(path)) == []


def test_the_gate_lets_nothing_more_through() -> None:
    kinds = {
        kind.__name__: set(kind.__struct_fields__) for kind in get_args(observation.Observation)
    }
    assert kinds == GATE


def texts(kind: object) -> bool:
    """Whether a type lets any text through; a list of words is none."""
    if get_origin(kind) is Literal:
        return False
    return kind is str or any(texts(part) for part in get_args(kind))


def test_the_gate_lets_no_words_through_but_names_that_the_house_gave() -> None:
    for kind in get_args(observation.Observation):
        types = get_type_hints(kind)
        assert {name for name in types if texts(types[name])} <= {"camera", "line", "zone"}
    assert texts(tuple[str, int])
    assert texts(str | None)


@pytest.mark.parametrize(
    "package", ["face_recognition", "insightface", "dlib", "fast-alpr", "torchreid", "my-reid-kit"]
)
def test_a_planted_package_is_caught(package: str) -> None:
    assert refused(["numpy", "httpx", package]) != []


@pytest.mark.parametrize(
    "source",
    [
        'Route("/vision/plates/{text}", found)',
        'EntityType("FaceMatch", "vision", frozenset())',
        "entity(id, type, faceEmbedding=a)",
        "row.gender",
        "class Watchlist: pass",
        'value = {"ethnicity": None}',
    ],
)
def test_a_planted_name_is_caught(source: str) -> None:
    assert suspicious(names_in(source)) != []


@pytest.mark.parametrize(
    ("name", "shape"),
    [("embedding", [1, 512]), ("features", [256]), ("scores", [80, 3549]), ("boxes", [5, 3549])],
)
def test_a_planted_model_is_caught(name: str, shape: list[int]) -> None:
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph([], "inert", [], [output])
    assert strange_outputs(helper.make_model(graph)) != []


@pytest.mark.parametrize("name", ["interface", "surface", "template", "tracker", "replaced"])
def test_an_innocent_name_is_not(name: str) -> None:
    assert suspicious([name]) == []
