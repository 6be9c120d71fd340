"""From an empty folder to a town that is connected, backed up, upgraded and moved, and that gives
the same answers all the way.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.publish as mqtt
import pytest

from tests import onvif
from tests.brokers import mosquitto
from tests.e2e.town import CLIP, ROOT, Town, eventually, free_port, run
from tests.gstreamer import rtsp_camera

PURPOSES = {
    "purposes": ["crowd safety"],
    "legal_basis": "Police Act of the town, section 5",
    "owner": "Department of public order",
    "review": "2099-12-31",
    "impact_assessment": {"reference": "file 7/2026", "completed": "2026-01-31"},
}
DRAWN = {
    "lines": [{"name": "west", "a": [300, 170], "b": [300, 345]}],
    "zones": [{"name": "plaza", "corners": [[0, 0], [768, 0], [768, 576], [0, 576]]}],
}
WAYS_IN = """
[outgoing]
hosts = ["localhost"]

[[devices.mqtt]]
name = "lora"
url = "mqtt://localhost:{port}"
topics = ["application/+/device/+/event/up"]
form = "chirpstack"

[[devices.mqtt]]
name = "plant"
url = "mqtt://localhost:{port}"
topics = ["sensors/#"]

[[devices.push]]
name = "weather"

[[devices.kind]]
name = "pump"
[[devices.kind.take]]
attribute = "flow"
of = "flow"
unit = "LTR"
least = 0
most = 500

[[devices.kind]]
name = "station"
[[devices.kind.take]]
attribute = "temperature"
of = "data.temp"
unit = "CEL"
scale = 0.1
least = -60
most = 70
"""
DEVICES = """source,address,kind,thing,owner,purpose,longitude,latitude,name
lora,24e124713d350000,milesight-em400,urn:ngsi-ld:WasteContainer:12,Waste,operations,13.53,52.43,Bin
plant,pump-3,pump,urn:ngsi-ld:Pump:3,Water,operations,13.54,52.43,Pump
weather,roof,station,urn:ngsi-ld:WeatherObserved:roof,Works,operations,13.55,52.43,Roof
"""
THINGS = {
    "urn:ngsi-ld:WasteContainer:12": ("distance", 257),
    "urn:ngsi-ld:Pump:3": ("flow", 42),
    "urn:ngsi-ld:WeatherObserved:roof": ("temperature", 21.5),
}
REGISTERED = ("CameraRegistration", "DeviceRegistration")
THIS, NEXT = "tests.e2e.on_loopback", "tests.e2e.next_release"
CAMERAS = ("north", "south")
LINES = [f"urn:ngsi-ld:CrowdFlowObserved:{name}-west" for name in CAMERAS]
NOTHING_LEAVES = """
[outgoing]
hosts = []                         # names of hosts that may be called; none: nothing leaves
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    """Port of the town's MQTT."""
    with asyncio.Runner() as runner:
        opened = mosquitto(tmp_path)
        yield runner.run(opened.__aenter__())
        runner.run(opened.__aexit__(None, None, None))


@dataclass(frozen=True)
class Engineer:
    """Who connects things; the same before and after a move."""

    token: str

    def at(self, town: Town) -> httpx.Client:
        login = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=town.url, headers=login, timeout=60)


def accepted(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def connect_camera(http: httpx.Client, name: str, url: str) -> None:
    """One with a login, as the wizard in the browser does."""
    declared = {
        "title": f"Camera {name}",
        "url": url,
        "position": {"lon": 13.5, "lat": 52.4},
        "direction": 90,
        "view_deg": 70,
        **PURPOSES,
        **DRAWN,
    }
    wish = {"name": name, "declared": declared, "login": {"user": "town", "password": "s3cret"}}
    draft = accepted(http.post("/cameras/registrations", json=wish))
    version = {"version": draft["version"]}
    accepted(http.post(f"/cameras/registrations/{name}/live", json=version))


def devices_speak(http: httpx.Client, port: int) -> None:
    eui = "24e124713d350000"
    up = {
        "deviceInfo": {"devEui": eui, "deviceName": "Bin"},
        "time": datetime.now(UTC).isoformat(),
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex("0175640367f80004820101050001")).decode(),
    }
    topic = f"application/1/device/{eui}/event/up"
    mqtt.single(topic, json.dumps(up), qos=1, hostname="localhost", port=port)
    mqtt.single("sensors/pump-3", '{"flow": 42}', qos=1, hostname="localhost", port=port)
    accepted(http.post("/devices/push/weather/roof", json={"data": {"temp": 215}}))


def told(town: Town) -> bool:
    return all(town.entity(id).get(name) == value for id, (name, value) in THINGS.items())


def answers(engineer: Engineer, town: Town) -> dict[str, Any]:
    """What does not change while cameras and devices are silent."""
    found: dict[str, Any] = {}
    with engineer.at(town) as http:
        for id in (*THINGS, *LINES):
            found[id] = past(http, id)
        for type in (*REGISTERED, *(id.split(":")[2] for id in THINGS)):
            found[type] = accepted(http.get("/ngsi-ld/v1/entities", params={"type": type}))
            assert found[type], type
        cameras = accepted(http.get("/cameras/registrations"))
    assert [(one["name"], one["state"]) for one in cameras] == [(n, "live") for n in CAMERAS]
    assert all(found[id] for id in THINGS)
    return found


def past(http: httpx.Client, id: str) -> Any:
    """None where no window of a line was closed yet."""
    span = {"timerel": "before", "timeAt": "2999-01-01T00:00:00Z", "options": "temporalValues"}
    answer = http.get(f"/ngsi-ld/v1/temporal/entities/{id}", params=span)
    assert answer.status_code in (200, 404), answer.text
    return answer.json() if answer.status_code == 200 else None


def connect(engineer: Engineer, town: Town, port: int, urls: Sequence[str]) -> None:
    """And wait until all of them were heard."""
    with engineer.at(town) as http:
        for name, url in zip(CAMERAS, urls, strict=True):
            connect_camera(http, name, url)
        accepted(http.post("/devices/file", content=DEVICES))
        devices_speak(http, port)
    eventually(lambda: told(town), 120)
    for name in CAMERAS:
        eventually(partial(people, town, name), 300)


def people(town: Town, camera: str) -> Any:
    return town.entity(f"urn:ngsi-ld:CrowdFlowObserved:{camera}-plaza-live").get("peopleCount")


def done(*arguments: str) -> str:
    ran = run(*arguments, timeout_s=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@contextmanager
def running(town: Town) -> Iterator[Town]:
    town.start()
    try:
        yield town
    finally:
        town.stop()


def refused(town: Town, program: str, **environment: str) -> str:
    """What a release says that cannot start there."""
    ran = subprocess.run(
        [sys.executable, "-m", program, *town.arguments, "--data", str(town.data)],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    return ran.stderr


def test_a_town_is_connected_backed_up_upgraded_and_moved(tmp_path: Path, broker: int) -> None:
    home, key, night = tmp_path / "home", str(tmp_path / "key"), str(tmp_path / "night.tar")
    done("init", str(home))
    file = home / "townsquare.toml"
    template = file.read_text()
    assert NOTHING_LEAVES in template
    file.write_text(template.replace(NOTHING_LEAVES, "") + WAYS_IN.format(port=broker))
    here = ["--settings", str(file), "--data", str(home / "data")]
    done("check", *here)

    town = Town(["run", "--settings", str(file)], home / "data", program=THIS)
    with running(town), ExitStack() as cameras:
        urls = [cameras.enter_context(rtsp_camera(CLIP, "town", "s3cret")) for _ in CAMERAS]
        engineer = Engineer(town.new_token("engineer"))
        connect(engineer, town, broker, urls)
    assert "s3cret" not in town.log.read_text()

    with running(town):
        before = answers(engineer, town)
        done("backup-key", key)
        done("backup", night, *here, "--secrets", f"{night}.secrets", "--key", f"{key}.pub")
        assert answers(engineer, town) == before

    assert "is as it was" in refused(town, NEXT, NEXT_RELEASE_FAILS="1")
    with running(town):
        assert answers(engineer, town) == before
    later = replace(town, program=NEXT, port=free_port())
    with running(later):
        assert answers(engineer, later) == before
    assert "written by a newer townsquare" in refused(town, THIS)

    moved = tmp_path / "moved"
    done("restore", night, str(moved), "--secrets", f"{night}.secrets", "--key", key)
    done("log", "verify", str(moved))
    settings = moved / "settings" / file.name
    again = Town(["run", "--settings", str(settings)], moved, program=THIS)
    with running(again):
        assert answers(engineer, again) == before


def test_cameras_are_connected_from_the_command_line(
    open_town: Callable[..., Town], tmp_path: Path
) -> None:
    file = tmp_path / "townsquare.toml"
    file.write_text('[town]\nname = "Testtown"\n')
    town = open_town("run", "--settings", str(file))
    here = ["--data", str(town.data)]
    with rtsp_camera(CLIP, "town", "s3cret") as url:
        tried = run("cameras", "try", url, "--user", "town", *here, typed="wrong\n", timeout_s=120)
        assert tried.returncode == 1
        assert "refuses the login" in tried.stderr
        tried = run("cameras", "try", url, "--user", "town", *here, typed="s3cret\n", timeout_s=120)
        assert tried.stdout == "It sends pictures of 768 x 576.\n", tried.stderr
        mill = ["mill", url, "--title", "Mill Lane", "--at", "13.5", "52.4", *here]
        mill += ["--purpose", "crowd safety", "--looks", "90", "70", "--user", "town"]
        made = run("cameras", "add", *mill, typed="s3cret\n")
        assert "mill is draft" in made.stdout, made.stderr
        assert "legal_basis is empty" in made.stdout
        refused = run("cameras", "live", "mill", *here)
        assert refused.returncode == 2
        assert "impact_assessment is missing" in refused.stderr
        removed = run("cameras", "remove", "mill", "--because", "it was a trial", *here)
        assert removed.returncode == 0, removed.stderr
        mill += ["--legal-basis", "Act 5", "--owner", "Order", "--review", "2099-12-31"]
        mill += ["--assessment", "7", "--assessed", "2026-01-31", "--live"]
        made = run("cameras", "add", *mill, typed="s3cret\n")
        assert made.stdout == "mill is live.\n", made.stderr
        eventually(lambda: town.entity("urn:ngsi-ld:Camera:mill").get("status") == "working", 120)
    many = tmp_path / "many.csv"
    many.write_text("name,title,url,longitude,latitude\na,A,rtsp://192.0.2.1/,13,52\nb,B,x,13,52\n")
    refused = run("cameras", "import", str(many), *here)
    assert refused.returncode == 2
    assert "many.csv line 3: url 'x' names no host" in refused.stderr
    many.write_text(many.read_text().replace(",x,", ",rtsp://192.0.2.2/,"))
    assert run("cameras", "import", str(many), *here).stdout == "2 cameras are declared.\n"
    assert run("cameras", "list", *here).stdout.count("draft") == 2


def test_a_camera_is_found_by_onvif_and_says_its_streams(
    open_town: Callable[..., Town], tmp_path: Path
) -> None:
    town = open_town("run", "--open")
    here = ["--data", str(town.data)]
    with onvif.serving(onvif.Device(rtsp="rtsp://192.0.2.99:554/live")) as device:
        where = device.url.split("/")[2]
        found = run("cameras", "find", where, *here)
        assert device.url in found.stdout.replace("\n", ""), found.stderr
        streams = ["cameras", "streams", device.url, "--user", "town", *here]
        told = run(*streams, typed="s3cret\n")
        assert "Maker X-1 1.2.3; profiles M, S, T" in told.stdout, told.stderr
        assert "1920 x 1080" in told.stdout
        told = run(*streams, typed="wrong\n")
        assert told.returncode == 2
        assert "refuses the login" in told.stderr
    assert "s3cret" not in town.log.read_text()
