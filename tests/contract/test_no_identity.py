"""Nobody is identified, because nothing here could do it (docs/adr/0003-no-identification.md).

What could carry it is looked at: packages and their native files, files and graphs of models,
columns, types, attributes, routes, settings, and what leaves a vision worker. Each check must turn
red at a planted violation. Those are inert: a name, or a graph that computes nothing.
"""

import hashlib
import json
import re
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import httpx
import onnx
import openvino
import pytest
from onnx import TensorProto, helper
from openvino import opset13
from starlette.applications import Starlette

from tests import absence
from tests.conftest import OpenBroker
from townsquare import app
from townsquare.alerts.warnings.warning import Warning
from townsquare.context.openapi.document import document
from townsquare.model.camera import RoadUser
from townsquare.model.declaration import EntityType
from townsquare.model.errors import CannotStart, Invalid
from townsquare.model.town import Town
from townsquare.register.cameras import Card
from townsquare.vision import detect, observation
from townsquare.vision.detectors import families, graph, listed
from townsquare.web import portal
from townsquare.web.pages import Pages

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests" / "data" / "databases"  # towns of earlier versions, packed
CLASSES = len(get_args(RoadUser))
SUMS = {file.sum for card in listed.cards() for file in card.model.files}
LOADS_MODELS = {"townsquare/vision/detectors/graph.py"}
# Kinds of file that are no text and no model.
KNOWN_KINDS = {".onnx", ".mp4", ".png", ".jpg", ".ico", ".woff2", ".pmtiles", ".parquet"}
# What each kind of sentence of the gate consists of. More needs a decision, not an edit here.
GATE = {
    "Crossings": {"camera", "line", "of", "direction", "n", "since", "until"},
    "Occupancy": {"camera", "zone", "of", "mean", "max", "since", "until"},
    "Event": {"camera", "zone", "what", "since", "until", "confidence"},
    "Queued": {"camera", "zone", "vehicles", "length_m", "since", "until"},
    "Turns": {"camera", "entry", "exit", "of", "n", "since", "until", "coverage"},
    "Speeds": {"camera", "line", "of", "direction", "bands", "since", "until", "coverage"},
    "Health": {
        *("camera", "read_per_s", "analysed_per_s", "dropped", "quality", "sandbox"),
        *("background", "since", "trouble", "size", "clock", "decoder", "light"),
        *("asked_per_s", "overloaded"),
    },
    "Tried": {"camera", "id", "over_s", "counts"},
    "Passages": {"line", "of", "direction", "n"},  # what the counts of Tried are
}
KINDS = (*get_args(observation.Said), observation.Passages)


def files(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def pinned(lock: Path) -> list[str]:
    return re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


SOURCES = files("townsquare/*.py")


# --- packages


# Trackers that counting is compared with. Nothing of a town, of development or of tests has them.
PEERS = "bench/peers/requirements.lock"


@pytest.mark.parametrize("lock", [f for f in files("*.lock") if name_of(f) != PEERS], ids=name_of)
def test_no_pinned_package_could_identify_anyone(lock: Path) -> None:
    assert pinned(lock)
    assert absence.refused(pinned(lock)) == []


def test_no_library_of_the_pages_could() -> None:
    pages = json.loads((ROOT / "townsquare" / "web" / "package-lock.json").read_text())
    assert absence.refused(name.removeprefix("node_modules/") for name in pages["packages"]) == []


def test_no_declared_package_could() -> None:
    declared = (ROOT / "pyproject.toml").read_text().split("[tool.uv]", maxsplit=1)[0]
    named = re.findall(r'^\s*"([A-Za-z0-9._-]+)[>=<~;\["\s]', declared, re.MULTILINE)
    assert len(named) > 10
    assert absence.refused(named) == []


def test_no_installed_package_could_whoever_brought_it() -> None:
    names = [one.name for one in metadata.distributions()]
    assert len(names) > 20
    assert absence.refused(names) == []


def installed(names: Iterable[str]) -> list[str]:
    """Files of these packages, of those that are there."""
    found = {one.name.lower(): one for one in metadata.distributions()}
    there = [found[name.lower()] for name in names if name.lower() in found]
    return [str(file) for one in there for file in one.files or ()]


def test_no_native_file_is_made_for_it() -> None:
    brought = installed(one.name for one in metadata.distributions())
    assert any(name.endswith(".so") for name in brought)
    assert absence.native(brought) == []


def test_no_package_of_a_town_brings_a_model() -> None:
    brought = installed(pinned(ROOT / "requirements.lock"))
    assert len(brought) > 1000
    assert [name for name in absence.models(brought) if "/tests/" not in name] == []


@pytest.mark.parametrize(
    "package",
    [
        *("face_recognition", "insightface", "deepface", "dlib", "facenet-pytorch", "facexlib"),
        *("openalpr", "fast-alpr", "paddleocr", "torchreid", "my-reid-kit", "retina-face"),
    ],
)
def test_a_planted_package_is_caught(package: str) -> None:
    assert absence.refused(["numpy", "httpx", package]) != []


@pytest.mark.parametrize(
    "name",
    ["_dlib_pybind11.cpython-311-x86_64-linux-gnu.so", "x/libopenalpr.so.2", "face/core.pyd"],
)
def test_a_planted_native_file_is_caught(name: str) -> None:
    planted = [*("numpy/_core.so", "interface.so"), name.replace("face/core", "face_core")]
    assert len(absence.native(planted)) == 1


# --- models


def test_every_model_of_the_house_is_on_the_list() -> None:
    there = [p for p in (ROOT / "townsquare").rglob("*") if "node_modules" not in p.parts]
    assert absence.models(map(str, there)) == [str(listed.SHIPPED / "nanodet.onnx")]
    assert absence.unlisted({*files(), *there}, SUMS) == []
    kept = [p for p in files() if p.parent == KEPT]
    assert absence.binaries((p for p in files() if p not in kept), KNOWN_KINDS) == []
    assert absence.models(name for p in kept for name in members(p)) == []


def members(file: Path) -> list[str]:
    with tarfile.open(file) as packed:
        return packed.getnames()


def test_allowed_models_say_classes_and_boxes_only() -> None:
    for card in listed.here():
        assert listed.content(card)
        file = card.folder / card.model.files[0].name
        graphs = (
            absence.onnx_outputs(onnx.load(file).graph),
            absence.openvino_outputs(openvino.Core().read_model(file)),
        )
        for outputs in graphs:
            assert absence.heads(outputs) == []
            assert absence.strange(outputs, CLASSES) == []


def test_every_allowed_model_has_a_card_that_says_what_it_cannot_say() -> None:
    for card in listed.cards():
        facts = dict(card.facts)
        assert "who somebody is" in facts["cannot say"]
        assert {"what", "says", "trained on", "used for", "not for"} <= facts.keys()


async def test_everyone_can_read_the_list_and_the_cards() -> None:
    async def no_cameras() -> list[Card]:
        return []

    async def no_warnings() -> list[Warning]:
        return []

    pages = Pages(Town(), demo=False)
    site = Starlette(routes=portal.routes(pages, no_cameras, listed.here, no_warnings))
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as anyone:
        page = (await anyone.get("/models")).text
        for card in listed.here():
            assert all(file.sum in page for file in card.model.files)
            assert (await anyone.get(f"/models/{card.model.name}")).text == card.text
        assert (await anyone.get("/models/other")).status_code == 404


def test_one_file_loads_models_and_nothing_loads_what_nobody_named() -> None:
    loading = {name_of(p) for p in SOURCES if absence.used(p.read_text(), absence.LOADERS)}
    assert loading == LOADS_MODELS
    assert [p for p in SOURCES if absence.used(p.read_text(), absence.HOOKS)] == []


def town_with(folder: Path, content: bytes, family: str = "townsquare", sum: str = "") -> Path:
    """A town's folder of models, with a model of its own."""
    (folder / "own").mkdir()
    (folder / "own" / "own.onnx").write_bytes(content)
    (folder / "own.md").write_text("| what | inert |\n")
    sha256 = sum or hashlib.sha256(content).hexdigest()
    files = f'[{{ name = "own.onnx", sum = "sha256:{sha256}" }}]'
    (folder / listed.LIST).write_text(
        f'[[model]]\nname = "own"\nfamily = "{family}"\ncard = "own.md"\nfiles = {files}\n'
    )
    return folder


def test_a_model_that_is_not_on_the_list_is_not_loaded(tmp_path: Path) -> None:
    content = inert("scores", [7, 3549]).SerializeToString()
    with pytest.raises(Invalid, match="no model 'other' may be loaded"):
        detect.opened("other", town_with(tmp_path, content))


def test_a_model_of_another_content_than_listed_is_not_loaded(tmp_path: Path) -> None:
    content = inert("scores", [7, 3549]).SerializeToString()
    with pytest.raises(CannotStart, match="is not what the list of models that may be loaded"):
        detect.opened("own", town_with(tmp_path, content, sum="0" * 64))


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_listed_model_that_could_say_who_somebody_is_is_not_loaded(
    tmp_path: Path, family: str
) -> None:
    content = inert("out", [1, 512]).SerializeToString()
    with pytest.raises(CannotStart, match=f"is not of family {family}"):
        detect.opened("own", town_with(tmp_path, content, family))


def test_a_model_without_a_card_is_not_loaded(tmp_path: Path) -> None:
    town = town_with(tmp_path, inert("scores", [7, 3549]).SerializeToString())
    (town / "own.md").unlink()
    with pytest.raises(CannotStart, match=r"own\.md cannot be read"):
        detect.opened("own", town)


ONE_MORE = graph.Port("one more", (1, 512), "float32")


@pytest.mark.parametrize("family", families.FAMILIES.values(), ids=families.FAMILIES)
def test_no_family_has_room_for_what_tells_people_apart(family: families.Family) -> None:
    """One output more, one wider, or another type in its place."""
    own = [graph.Port("own", wanted.shape, wanted.type) for wanted in family.outputs]
    assert families.breaches(family, own) == []
    assert families.breaches(family, [*own, ONE_MORE])
    for n, port in enumerate(own):
        wider = graph.Port("own", (*port.shape[:-1], port.shape[-1] + 512), port.type)
        deeper = graph.Port("own", (*port.shape, 512), port.type)
        other = graph.Port("own", port.shape, "float16")
        for planted in (wider, deeper, other):
            if planted is wider and not port.shape[-1]:
                continue  # as many things as were found
            assert families.breaches(family, [*own[:n], planted, *own[n + 1 :]])


def inert(name: str, shape: list[int], step: str = "Identity") -> onnx.ModelProto:
    """Hands on what it is given."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("given", name)]
    nodes = [helper.make_node(step, ["given"], [name])]
    return helper.make_model(helper.make_graph(nodes, "inert", ends[:1], ends[1:]))


HEADS = [
    ("out", [1, 512], "Identity"),
    ("out", [0, 128], "Identity"),
    ("out", [1, 2048, 1, 1], "Identity"),
    ("out", [256], "Identity"),
    ("embedding", [7, 3549], "Identity"),
    ("reid_feature", [1, 3], "Identity"),
    ("scores", [7, 3549], "LpNormalization"),
]


@pytest.mark.parametrize(("name", "shape", "step"), HEADS)
def test_a_planted_head_is_caught(name: str, shape: list[int], step: str) -> None:
    assert absence.heads(absence.onnx_outputs(inert(name, shape, step).graph)) != []


@pytest.mark.parametrize("normalised", [True, False])
def test_a_planted_head_of_openvino_is_caught(tmp_path: Path, normalised: bool) -> None:
    given = opset13.parameter([7, 3549] if normalised else [1, 512])
    ends = opset13.normalize_l2(given, [1], 1e-6, "add") if normalised else opset13.relu(given)
    openvino.save_model(openvino.Model([ends], [given], "inert"), tmp_path / "inert.xml")
    outputs = absence.openvino_outputs(openvino.Core().read_model(tmp_path / "inert.xml"))
    assert absence.heads(outputs) != []


@pytest.mark.parametrize(
    ("name", "shape"), [("who", [7, 3549]), ("scores", [80, 3549]), ("boxes", [5, 3549])]
)
def test_a_planted_output_is_caught(name: str, shape: list[int]) -> None:
    assert absence.strange(absence.onnx_outputs(inert(name, shape).graph), CLASSES) != []


def test_a_planted_model_is_caught_also_under_another_name(tmp_path: Path) -> None:
    for name in ("people.onnx", "people.dat"):
        (tmp_path / name).write_bytes(inert("out", [1, 512]).SerializeToString() + b"\x00")
    planted = list(tmp_path.iterdir())
    assert absence.unlisted(planted, SUMS) == ["people.onnx"]
    assert absence.binaries(planted, KNOWN_KINDS) == ["people.dat"]
    assert absence.models(["a/people.dat", "a/people.safetensors"]) == ["a/people.safetensors"]


@pytest.mark.parametrize(
    "source", ["core.read_model(x)", "from x import InferenceSession", "f = cv2.dnn.readNet"]
)
def test_planted_loading_is_caught(source: str) -> None:
    assert absence.used(source, absence.LOADERS) != []
    assert absence.used("importlib.import_module(name)", absence.HOOKS) != []


# --- names


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_name_in_the_source_is_made_for_it(path: Path) -> None:
    assert absence.suspicious(absence.names_in(path.read_text())) == []


async def columns(url: str, folder: Path) -> list[str]:
    """Names of tables and columns as the database itself tells them."""
    if url.startswith("postgresql:"):
        import asyncpg

        link = await asyncpg.connect(url)
        try:
            ask = "select table_name, column_name from information_schema.columns"
            return [text for row in await link.fetch(ask) for text in row]
        finally:
            await link.close()
    with sqlite3.connect(folder / "town.db") as db:
        tables = [name for (name,) in db.execute("select name from sqlite_schema")]
        told = [db.execute("select name from pragma_table_info(?)", (t,)) for t in tables]
        return tables + [name for rows in told for (name,) in rows]


@pytest.mark.parametrize("store_url", ["sqlite:town.db", "postgresql:"], indirect=True)
async def test_no_column_is_made_for_it(
    open_broker: OpenBroker, store_url: str, tmp_path: Path
) -> None:
    city = open_broker(*app.TYPES, url=store_url)
    await city.store.ready()
    found = await columns(store_url, tmp_path)
    assert {"entity", "history", "log"} <= set(found)
    assert absence.suspicious(found) == []


def test_no_word_of_a_schema_is_made_for_it() -> None:
    for schema in files("townsquare/*.sql"):
        assert absence.suspicious(re.findall(r"\w+", schema.read_text())) == []


def declared(types: Iterable[EntityType]) -> list[str]:
    """Names of types and of the attributes that are said of them."""
    found = []
    for type in types:
        found += [type.name, type.owner, *type.published, *type.secret, *type.queried]
    return found


def test_no_declared_type_or_attribute_is_made_for_it() -> None:
    assert "Camera" in declared(app.TYPES)
    assert absence.suspicious(declared(app.TYPES)) == []
    assert absence.suspicious(declared([EntityType("FaceMatch", "vision", frozenset())])) != []


def test_no_route_is_made_for_it() -> None:
    routes = [path for source in SOURCES for path in absence.paths_in(source.read_text())]
    assert {"/", "/control", "/models/{name}"} <= set(routes)
    assert absence.suspicious(routes) == []
    assert absence.suspicious(absence.texts(document())) == []


def test_no_setting_is_made_for_it_or_names_a_model() -> None:
    names = list(absence.settings(app.Settings))
    assert {"camera", "purposes", "port"} <= set(names)
    assert absence.suspicious(names, absence.WORDS | absence.OF_A_MODEL) == []
    assert absence.suspicious(["model_path"], absence.OF_A_MODEL) != []


@pytest.mark.parametrize(
    "source",
    [
        'Route("/vision/plates/{text}", found)',
        'EntityType("FaceMatch", "vision", frozenset())',
        "entity(id, type, faceEmbedding=a)",
        "row.gender",
        "class Watchlist: pass",
        'value = {"ethnicity": None}',
        "import face_recognition",
    ],
)
def test_a_planted_name_is_caught(source: str) -> None:
    assert absence.suspicious(absence.names_in(source)) != []


def test_a_planted_column_route_and_document_are_caught() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("create table person (id, plate_text)")
    told = [name for (name,) in db.execute("select name from pragma_table_info('person')")]
    assert absence.suspicious(told) == ["plate_text"]
    planted = 'Route(f"{here}/watchlist/{{name}}", found)'
    assert absence.suspicious(absence.paths_in(planted)) != []
    opened: dict[str, Any] = {"paths": {"/entities": {"parameters": [{"name": "faceId"}]}}}
    assert absence.suspicious(absence.texts(opened)) == ["faceId"]


@pytest.mark.parametrize("name", ["interface", "surface", "template", "tracker", "replaced"])
def test_an_innocent_name_is_not(name: str) -> None:
    assert absence.suspicious([name]) == []
    assert absence.refused([name, "huggingface-hub", "facets"]) == []


# --- the gate of the vision room


def test_the_gate_lets_nothing_more_through() -> None:
    kinds = {kind.__name__: set(kind.__struct_fields__) for kind in KINDS}
    assert kinds == GATE


def texts(kind: object) -> bool:
    """Whether a type lets any text through; a list of words is none."""
    if get_origin(kind) is Literal:
        return False
    return kind is str or any(texts(part) for part in get_args(kind))


def test_the_gate_lets_no_words_through_but_names_that_the_house_gave() -> None:
    names = {"camera", "line", "zone", "entry", "exit"}
    for kind in KINDS:
        types = get_type_hints(kind)
        assert {name for name in types if texts(types[name])} <= names
    assert texts(tuple[str, int])
    assert texts(str | None)
