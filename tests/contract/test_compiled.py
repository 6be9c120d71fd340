"""A model as this machine runs it: made once, by this house alone, never taken from elsewhere."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from msgspec import structs

from townsquare.vision import compiled, detect, keeping, read
from townsquare.vision.detectors import listed
from townsquare.vision.observation import Health
from townsquare.vision.settings import Settings
from townsquare.vision.wire import NONE, Compiled, Watched
from townsquare.vision.workers import Workers

CLIP = Path(__file__).parents[2] / "demo" / "square.mp4"
SHIPPED = listed.SHIPPED / "nanodet.onnx"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town's folder, with the model of the package as .xml and .bin under another name."""
    folder = tmp_path_factory.mktemp("data") / "models"
    other = folder.parent / "publisher"
    openvino.save_model(
        openvino.Core().read_model(SHIPPED.read_bytes()), str(other / "own.xml"), False
    )
    files = [other / "own.xml", other / "own.bin"]
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    folder.mkdir()
    (folder / "own.md").write_text("| what | the model of the package under another name |\n")
    (folder / listed.LIST).write_text(
        '[[model]]\nname = "own"\nfamily = "townsquare"\ncard = "own.md"\n'
        + "".join(
            f'[[model.files]]\nname = "{file.name}"\nsum = "sha256:{sum}"\n'
            for file, sum in zip(files, sums, strict=True)
        )
    )
    keeping.add(files, folder)
    return folder


def the_file(models: Path) -> Path:
    (found,) = (models / "compiled").iterdir()
    return found


def test_adding_a_model_compiles_it(models: Path) -> None:
    made = the_file(models)
    before = made.stat().st_mtime_ns
    assert compiled.kept("own", models).file == str(made)
    assert made.stat().st_mtime_ns == before


def test_it_answers_as_the_model_does(models: Path) -> None:
    frame = next(read.pictures(str(CLIP))).frame
    usual = detect.opened("own", models)
    quick = detect.opened("own", models, compiled.kept("own", models))
    assert quick.graph.runtime == usual.graph.runtime
    a, b = usual.detect(frame), quick.detect(frame)
    assert np.array_equal(a.corners, b.corners)
    assert np.array_equal(a.scores, b.scores)


def test_the_model_of_the_package_needs_none(models: Path) -> None:
    assert compiled.kept(detect.DEFAULT, models) == NONE


def forged(models: Path) -> bytes:
    """Another program under our seal."""
    content = the_file(models).read_bytes()
    return content[:-1] + bytes([content[-1] ^ 1])


def unsealed(models: Path) -> bytes:
    return b"\0" * 32 + the_file(models).read_bytes()[32:]


@pytest.mark.parametrize("change", [forged, unsealed, lambda _: b"", lambda _: b"short"])
def test_what_the_house_did_not_make_is_made_anew(
    models: Path, change: Callable[[Path], bytes]
) -> None:
    file = the_file(models)
    wrong = change(models)
    file.write_bytes(wrong)
    known = compiled.kept("own", models)
    assert Path(known.file).read_bytes() != wrong
    assert known.sum == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_seal_of_another_house_is_none_of_ours(models: Path) -> None:
    before = the_file(models).read_bytes()
    (models.parent / "secrets" / compiled.KEY).unlink()
    compiled.kept("own", models)
    assert the_file(models).read_bytes()[:32] != before[:32]


def test_a_worker_compiles_itself_where_the_file_is_another_by_then(models: Path) -> None:
    known = compiled.kept("own", models)
    for wrong in (structs.replace(known, sum="0" * 64), Compiled("/nowhere", known.sum)):
        assert detect.opened("own", models, wrong).graph.outputs


def test_what_openvino_does_not_take_is_left_alone(models: Path, tmp_path: Path) -> None:
    """As after a change of OpenVINO that its version does not tell."""
    odd = tmp_path / "odd"
    odd.write_bytes(b"\0" * 32 + b"f32\nno model at all")
    known = Compiled(str(odd), hashlib.sha256(odd.read_bytes()).hexdigest())
    assert detect.opened("own", models, known).graph.outputs


async def test_a_worker_counts_with_it(models: Path) -> None:
    square = Watched("square", str(CLIP), ("person",), (), ())
    async with asyncio.timeout(60), Workers(Settings(detector="own"), models) as house:
        async for seen in house.observed([square]):
            if isinstance(seen, Health):
                assert seen.trouble == ""
                return
