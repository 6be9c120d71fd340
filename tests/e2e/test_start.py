"""Starting on bad ground: one clear sentence that names the thing and the remedy, exit code 2."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.town import CLIP, Town, free_port, run, settings

Open = Callable[..., Town]


def refused(*arguments: str) -> str:
    """What it says; never a traceback, never more than one sentence."""
    done = run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_text("[vision]\nframes = 5\n")
    said = refused("run", "--settings", str(file), "--data", str(tmp_path / "d"))
    assert 'townsquare.toml line 2: unknown key "frames" in [vision]' in said
    assert "detections_per_second" in said


def test_missing_settings_are_named(tmp_path: Path) -> None:
    said = refused("run", "--settings", str(tmp_path / "no.toml"), "--data", str(tmp_path / "d"))
    assert "no.toml" in said


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    file, port = settings(tmp_path), free_port()
    with socket.create_server(("127.0.0.1", port)):
        said = refused("run", "--settings", str(file), "--port", str(port))
    assert f"port {port} is in use" in said
    assert "--port" in said


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    file, data = settings(tmp_path), tmp_path / "file" / "data"
    said = refused("run", "--settings", str(file), "--data", str(data), "--port", str(free_port()))
    assert str(data) in said
    assert "--data" in said


def test_a_second_instance_is_refused(open_town: Open, tmp_path: Path) -> None:
    file = settings(tmp_path)
    town = open_town("run", "--settings", str(file))
    assert town.server
    said = refused(
        "run", "--settings", str(file), "--data", str(town.data), "--port", str(free_port())
    )
    assert str(town.data) in said
    assert f"process {town.server.pid}" in said


def test_open_serves_this_machine_only(tmp_path: Path) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_text('[web]\npublic_url = "https://square.example.org"\n')
    said = refused("run", "--open", "--settings", str(file), "--data", str(tmp_path / "d"))
    assert "--open" in said


def test_init_writes_settings_that_run_and_never_overwrites(
    open_town: Open, tmp_path: Path
) -> None:
    assert run("init", str(tmp_path)).returncode == 0
    town = open_town("run", "--settings", str(tmp_path / "townsquare.toml"))
    assert town.get("/").status_code == 200
    assert "stays as it is" in refused("init", str(tmp_path))


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("missing.mp4", "missing.mp4"),
        ("empty.mp4", "empty.mp4"),
        ("rtsp://127.0.0.1:1/none", "127.0.0.1:1"),
    ],
)
def test_check_names_the_camera_that_cannot_be_read(tmp_path: Path, url: str, part: str) -> None:
    (tmp_path / "empty.mp4").touch()
    file = settings(tmp_path, ("good", str(CLIP)), ("bad", url))
    done = run("check", "--settings", str(file))
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert part in done.stdout
    good = next(line for line in done.stdout.splitlines() if "camera good" in line)
    assert good.strip().startswith("ok")


def test_it_ends_when_asked(open_town: Open, tmp_path: Path) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path)))
    assert town.stop() == 0
    assert not (town.data / "control.sock").exists()
