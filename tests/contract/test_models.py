"""Detectors that a town may load: from publishers, from files, and what each family answers."""

import hashlib
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame
from typer.testing import CliRunner

from townsquare.cli import commands
from townsquare.context import outgoing
from townsquare.model.errors import CannotStart, Denied, Invalid, Unavailable
from townsquare.vision import detect, keeping, read
from townsquare.vision.boxes import KINDS, Boxes, overlaps
from townsquare.vision.detectors import graph, listed
from townsquare.vision.track import SURE

SHARED = Path(__file__).parents[3] / "shared" / "data" / "models"
CLIP = Path(__file__).parents[2] / "demo" / "square.mp4"
SHIPPED = listed.SHIPPED / "nanodet.onnx"
SUM = f"sha256:{hashlib.sha256(SHIPPED.read_bytes()).hexdigest()}"
CARD = "| what | the model of the package under another name |\n"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[str]:
    """Where it is, with the model of the package and one that was tampered with."""
    folder = tmp_path / "publisher"
    folder.mkdir()
    (folder / "right.onnx").write_bytes(SHIPPED.read_bytes())
    (folder / "wrong.onnx").write_bytes(SHIPPED.read_bytes()[:-1] + b"x")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def town(folder: Path, *, url: str = "", sum: str = SUM, family: str = "townsquare") -> Path:
    """A town's folder of models, with one called own on its list."""
    models = folder / "models"
    models.mkdir(exist_ok=True)
    (models / "own.md").write_text(CARD)
    files = f'[{{ name = "own.onnx", sum = "{sum}", url = "{url}" }}]'
    (models / listed.LIST).write_text(
        f'[[model]]\nname = "own"\nfamily = "{family}"\ncard = "own.md"\nfiles = {files}\n'
    )
    return models


async def got(models: Path, allowed: outgoing.Allowed = outgoing.LOOPBACK_ONLY) -> list[int]:
    told: list[int] = []
    async with outgoing.Client(allowed) as client:
        card = listed.card("own", models)
        await keeping.get(card, client, lambda _, so_far, total: told.append(total - so_far))
    return told


async def test_a_model_comes_from_its_publisher(publisher: str, tmp_path: Path) -> None:
    models = town(tmp_path, url=f"{publisher}/right.onnx")
    with pytest.raises(CannotStart, match="townsquare models get own"):
        detect.opened("own", models)
    left = await got(models)
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)
    assert detect.opened("own", models).size == (416, 416)


async def test_what_another_content_has_is_not_kept(publisher: str, tmp_path: Path) -> None:
    models = town(tmp_path, url=f"{publisher}/wrong.onnx")
    with pytest.raises(Invalid, match="nothing was kept"):
        await got(models)
    assert list((models / "own").iterdir()) == []


async def test_a_publisher_without_the_file_is_told(publisher: str, tmp_path: Path) -> None:
    models = town(tmp_path, url=f"{publisher}/gone.onnx")
    with pytest.raises(Unavailable, match="townsquare models add FILE"):
        await got(models)


async def test_a_publisher_that_nobody_declared_is_not_called(
    publisher: str, tmp_path: Path
) -> None:
    models = town(tmp_path, url=f"{publisher}/right.onnx")
    with pytest.raises(Denied, match=r"list the host in \[outgoing\] hosts"):
        await got(models, outgoing.declared(outgoing.Settings()))
    assert list((models / "own").iterdir()) == []


async def test_one_that_is_listed_as_what_it_is_not_is_taken_away(
    publisher: str, tmp_path: Path
) -> None:
    models = town(tmp_path, url=f"{publisher}/right.onnx", family="yolox")
    with pytest.raises(CannotStart, match="is not of family yolox"):
        await got(models)
    assert not (models / "own").exists()


def test_files_that_are_here_are_added(tmp_path: Path) -> None:
    copy = tmp_path / "download.onnx"
    copy.write_bytes(SHIPPED.read_bytes())
    models = town(tmp_path, sum=SUM)
    # One file of two lists: what the package has under its own name goes first.
    (models / listed.LIST).write_text("")
    assert [card.model.name for card in keeping.add([copy], models)] == ["nanodet"]


def test_a_file_that_no_list_knows_is_refused_with_what_to_write(tmp_path: Path) -> None:
    strange = tmp_path / "strange.onnx"
    strange.write_bytes(SHIPPED.read_bytes() + b"\x00\x00")
    models = town(tmp_path)
    with pytest.raises((Invalid, CannotStart), match=r"no list of models|cannot read the model"):
        keeping.add([strange], models)
    assert not (models / "nanodet").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot read the model"),
        (b"PK\x03\x04", "cannot read the model"),
        (SHIPPED.read_bytes()[:100_000], "cannot read the model"),
    ],
    ids=["empty", "no model", "cut off"],
)
def test_a_listed_file_that_is_no_model_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    models = town(tmp_path, sum=f"sha256:{hashlib.sha256(content).hexdigest()}")
    (models / "own").mkdir()
    (models / "own" / "own.onnx").write_bytes(content)
    with pytest.raises(CannotStart, match=said):
        detect.opened("own", models)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('name = "own"', "lacks .family."),
        ('name = "Own!"\nfamily = "yolox"\ncard = "own.md"', "use a-z"),
        ('name = "own"\nfamily = "faces"\ncard = "own.md"', "takes one of townsquare"),
        ('name = "own"\nfamily = "yolox"\ncard = "../own.md"', "takes the name of a file"),
        ('name = "nanodet"\nfamily = "yolox"\ncard = "own.md"', "two models"),
        (
            'name = "own"\nfamily = "yolox"\ncard = "own.md"\nfiles = [{ name = "a", sum = "1" }]',
            "sha256: or sha384:",
        ),
        (
            'name = "own"\nfamily = "yolox"\ncard = "own.md"\n'
            f'files = [{{ name = "../a", sum = "{SUM}" }}]',
            "takes no folder",
        ),
    ],
    ids=["no family", "name", "family", "card", "twice", "sum", "folder"],
)
def test_a_list_that_is_wrong_says_where(tmp_path: Path, written: str, said: str) -> None:
    models = town(tmp_path)
    (models / listed.LIST).write_text(f"[[model]]\n{written}\n")
    with pytest.raises(Invalid, match=said):
        listed.cards(models)


# --- what they see


def pictures() -> list[VideoFrame]:
    return [taken.frame for taken in islice(read.pictures(str(CLIP)), 0, 400, 40)]


def people(found: Boxes) -> Boxes:
    return found.where((found.kinds == KINDS.index("person")) & (found.scores >= SURE))


OF_THE_PACKAGE = {
    "person-vehicle-bike-detection-2001": "pvb-2001-FP16-INT8",
    "person-vehicle-bike-detection-2004": "pvb-2004-FP16-INT8",
}


@pytest.mark.parametrize("name", [*OF_THE_PACKAGE, "yolox"])
def test_every_family_sees_who_the_default_sees(tmp_path: Path, name: str) -> None:
    """Its outputs are read rightly: boxes lie where another model has them."""
    if not SHARED.is_dir():
        pytest.skip("the development models lie outside the repository and are absent here")
    if name in OF_THE_PACKAGE:
        models = tmp_path / "models"
        keeping.add([SHARED / f"{OF_THE_PACKAGE[name]}.{end}" for end in ("bin", "xml")], models)
        other = detect.opened(name, models)
    else:
        content = (SHARED / "yolox_nano_416.onnx").read_bytes()
        models = town(tmp_path, sum=f"sha256:{hashlib.sha256(content).hexdigest()}", family="yolox")
        keeping.add([SHARED / "yolox_nano_416.onnx"], models)
        other = detect.opened("own", models)
    default = detect.opened()
    there = seen = 0
    for picture in pictures():
        known, found = people(default.detect(picture)), people(other.detect(picture))
        there += len(found)
        if len(found) and len(known):
            seen += int((overlaps(found.corners, known.corners).max(1) > 0.5).sum())
    assert there > 20
    assert seen / there > 0.8


def test_both_runtimes_answer_alike() -> None:
    pytest.importorskip("onnxruntime", reason="the fallback runtime is an extra")
    card = listed.card(detect.DEFAULT)
    usual = detect.of(card)
    made = graph.by_onnx_runtime(listed.content(card)[0])
    other = detect.Detector(usual.family, made, usual.size)
    for picture in pictures()[:3]:
        a, b = usual.detect(picture), other.detect(picture)
        sure = int((a.scores > SURE).sum())
        assert np.abs(a.scores[:sure].mean() - b.scores[:sure].mean()) < 0.02  # of 16 and 32 bit
        assert (overlaps(a.corners[:sure], b.corners).max(1) > 0.8).all()


@pytest.mark.parametrize(
    ("can", "quantised", "expected"),
    [
        (["FP32", "INT8"], False, "f32"),
        (["FP32", "BF16", "INT8"], False, "bf16"),
        (["FP32", "BF16", "INT8"], True, "f32"),
    ],
)
def test_numbers_are_those_that_the_cpu_is_fast_at(
    can: list[str], quantised: bool, expected: str
) -> None:
    assert graph.precision(can, quantised) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.28.0", True),
        ("1.24.1", True),
        ("1.29.0", False),
        ("1.31.1", False),
        ("2.0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_runtime_that_calls_its_maker_is_left_alone(version: str, expected: bool) -> None:
    assert graph.silent(version) is expected


def test_none_is_pinned_that_does() -> None:
    pinned = [
        version
        for lock in Path(__file__).parents[2].glob("requirements*.lock")
        for version in re.findall(r"^onnxruntime[a-z-]*==(\S+)", lock.read_text(), re.MULTILINE)
    ]
    assert all(map(graph.silent, pinned))


# --- the command


def test_the_command_lists_tries_and_refuses(tmp_path: Path) -> None:
    said = CliRunner().invoke(commands, ["models", "list", "--data", str(tmp_path)])
    assert said.exit_code == 0
    assert all(card.model.name in said.output for card in listed.cards())
    tried = CliRunner().invoke(
        commands, ["models", "test", "nanodet", str(CLIP), "--data", str(tmp_path)]
    )
    assert "416 x 416 pixels, OpenVINO" in tried.output
    assert "person" in tried.output
    refused = CliRunner().invoke(commands, ["models", "test", "faces", "--data", str(tmp_path)])
    assert isinstance(refused.exception, Invalid)
    assert "no model 'faces' may be loaded" in str(refused.exception)
