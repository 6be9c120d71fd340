"""Notifications by MQTT (clause 7), with real brokers: one of PyPI for 3.1.1, mosquitto for 5.0."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest

from tests.brokers import amqtt_broker, mosquitto
from tests.contract.ngsi_ld.receiver import telling
from townsquare.context.api.app import Api
from townsquare.context.outgoing import LOOPBACK_ONLY, Allowed, Client
from townsquare.context.subscriptions.delivery import Courier, Message, Outcome
from townsquare.context.subscriptions.wire import Endpoint, Pair

OPENSSL = shutil.which("openssl")
BIN = {"id": "urn:ngsi-ld:Bin:1", "type": "Bin", "level": {"type": "Property", "value": 1}}
OLD, NEW = "mqtt3.1.1", "mqtt5.0"


@asynccontextmanager
async def broker_of(version: str, folder: Path) -> AsyncIterator[int]:
    """A broker for this version of the protocol."""
    async with amqtt_broker() if version == OLD else mosquitto(folder) as port:
        yield port


@asynccontextmanager
async def subscribed(port: int, topic: str, **login: Any) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", port, **login) as found:
        await found.subscribe(topic, qos=2)
        yield found


async def next_of(subscriber: aiomqtt.Client) -> dict[str, Any]:
    async with asyncio.timeout(60):
        message = await anext(aiter(subscriber.messages))
    told: dict[str, Any] = json.loads(bytes(message.payload))
    return told


@pytest.fixture
async def courier() -> AsyncIterator[Courier]:
    async with Client(LOOPBACK_ONLY) as to_others:
        found = Courier(to_others)
        yield found
        await found.lines.close()


def message(uri: str, **info: str) -> Message:
    pairs = tuple(Pair(key.replace("_", "-"), value) for key, value in info.items())
    return Message(Endpoint(uri=uri, notifier_info=pairs), {"type": "Notification", "data": []})


@pytest.mark.parametrize("version", [OLD, NEW])
async def test_a_change_is_told_with_all_that_http_has_in_headers(
    api: Api, http: httpx.AsyncClient, tmp_path: Path, version: str
) -> None:
    async with (
        broker_of(version, tmp_path) as port,
        subscribed(port, "town/bins") as subscriber,
        telling(api),
    ):
        endpoint = {
            "uri": f"mqtt://localhost:{port}/town/bins",
            "receiverInfo": [{"key": "X-Mine", "value": "a"}],
            "notifierInfo": [{"key": "MQTT-Version", "value": version}],
        }
        asked = {
            "type": "Subscription",
            "entities": [{"type": "Bin"}],
            "notification": {"endpoint": endpoint},
        }
        tenant = {"NGSILD-Tenant": "harbour"}
        answer = await http.post("/subscriptions", json=asked, headers=tenant)
        assert answer.status_code == 201, answer.text
        await http.post("/entities", json=BIN, headers=tenant)
        told = await next_of(subscriber)
    assert told.keys() == {"metadata", "body"}
    assert told["body"]["data"] == [BIN]
    metadata = told["metadata"]
    assert metadata.keys() == {"Content-Type", "Link", "X-Mine", "NGSILD-Tenant"}
    assert metadata["Content-Type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in metadata["Link"]


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("qos", ["0", "1", "2"])
async def test_each_quality_of_service(
    courier: Courier, tmp_path: Path, version: str, qos: str
) -> None:
    async with broker_of(version, tmp_path) as port, subscribed(port, "a") as subscriber:
        one = message(f"mqtt://127.0.0.1:{port}/a", MQTT_QoS=qos, MQTT_Version=version)
        assert await courier.deliver(one) == Outcome(True)
        assert (await next_of(subscriber))["body"] == one.body
        await courier.lines.close()


async def test_a_login_that_is_right_and_one_that_is_not(courier: Courier, tmp_path: Path) -> None:
    async with mosquitto(tmp_path, login="town:s3cret") as port:
        login = {"username": "town", "password": "s3cret"}
        async with subscribed(port, "a", **login) as subscriber:
            right = message(f"mqtt://town:s3cret@127.0.0.1:{port}/a", MQTT_QoS="1")
            assert await courier.deliver(right) == Outcome(True)
            assert (await next_of(subscriber))["body"] == right.body
        wrong = message(f"mqtt://town:wr0ng@127.0.0.1:{port}/a", MQTT_QoS="1")
        outcome = await courier.deliver(wrong)
        assert (outcome.delivered, outcome.again) == (False, True)
        assert "wr0ng" not in repr(outcome)
        await courier.lines.close()


async def test_one_connection_is_used_until_it_is_idle(courier: Courier) -> None:
    async with amqtt_broker() as port:
        topics = ("a", "b", "a/c")
        uris = [f"mqtt://127.0.0.1:{port}/{topic}" for topic in topics]
        told = [courier.deliver(message(uri, MQTT_Version=OLD)) for uri in uris]
        assert await asyncio.gather(*told) == [Outcome(True)] * 3
        assert len(courier.lines) == 1
        await courier.lines.end_idle()
        assert len(courier.lines) == 1
        await courier.lines.end_idle(0)
        assert len(courier.lines) == 0


async def test_a_broker_that_was_restarted_is_found_again(courier: Courier, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as port:
        one = message(f"mqtt://127.0.0.1:{port}/a", MQTT_QoS="1")
        assert await courier.deliver(one) == Outcome(True)
    assert not (await courier.deliver(one)).delivered
    async with mosquitto(tmp_path, port=port), subscribed(port, "a") as subscriber:
        assert await courier.deliver(one) == Outcome(True)
        assert (await next_of(subscriber))["body"] == one.body
        await courier.lines.close()


async def test_a_host_that_is_not_declared_is_not_called() -> None:
    nobody = Allowed(lambda host: host == "ours.example", lambda address: True)
    async with Client(nobody) as to_others:
        courier = Courier(to_others)
        outcome = await courier.deliver(message("mqtt://u:pw@127.0.0.1:1883/a"))
    assert (outcome.delivered, outcome.again) == (False, False)
    assert "not declared" in outcome.reason
    assert "pw" not in outcome.reason


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
@pytest.mark.parametrize(("host", "delivered"), [("localhost", True), ("127.0.0.1", False)])
async def test_tls_expects_the_certificate_of_the_named_host(
    courier: Courier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    delivered: bool,
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=town", "-addext", "subjectAltName=DNS:localhost"]
    out = ["-days", "2", "-keyout", str(key), "-out", str(certificate)]
    make = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    await asyncio.to_thread(
        subprocess.run, [*make, "-nodes", *names, *out], check=True, capture_output=True
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secured = {"ssl": True, "certfile": str(certificate), "keyfile": str(key)}
    async with amqtt_broker(**secured) as port:
        one = message(f"mqtts://{host}:{port}/a", MQTT_QoS="1", MQTT_Version=OLD)
        assert (await courier.deliver(one)).delivered is delivered
        await courier.lines.close()
