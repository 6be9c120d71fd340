"""What is told of changes: previous values, and what is gone (clauses 5.2.14 and 5.8.6)."""

from typing import Any

import httpx
import pytest

from tests.contract.ngsi_ld.subscriber import (
    BIN,
    NULL,
    PATH,
    Subscriber,
    deleted,
    made,
    merged,
    silent,
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"level": 2}, {"type": "Property", "value": 2, "previousValue": 1}),
        (
            {"name": {"type": "LanguageProperty", "languageMap": {"de": "Eimer"}}},
            {
                "type": "LanguageProperty",
                "languageMap": {"de": "Eimer", "en": "bin"},
                "previousLanguageMap": {"de": "Tonne", "en": "bin"},
            },
        ),
        (
            {"road": {"type": "Relationship", "object": "urn:ngsi-ld:Road:2"}},
            {
                "type": "Relationship",
                "object": "urn:ngsi-ld:Road:2",
                "previousObject": "urn:ngsi-ld:Road:1",
            },
        ),
        (
            {"road": NULL},
            {"type": "Relationship", "object": NULL, "previousObject": "urn:ngsi-ld:Road:1"},
        ),
    ],
)
async def test_changes_are_shown(
    http: httpx.AsyncClient, subscriber: Subscriber, change: dict[str, Any], expected: Any
) -> None:
    await made(http)
    await subscriber.asks({"showChanges": True}, notificationTrigger=["entityUpdated"])
    await merged(http, **change)
    (found,) = (await subscriber.receiver.next()).data
    (name,) = change
    assert found[name] == expected
    others = BIN.keys() - {name}
    assert {n: found[n] for n in others} == {n: BIN[n] for n in others}


async def test_what_is_new_has_no_previous_value(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await subscriber.asks({"showChanges": True})
    await made(http)
    assert (await subscriber.receiver.next()).data == [BIN]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, {"type": "LanguageProperty", "languageMap": {"@none": NULL}}),
        ({"format": "concise"}, NULL),
        ({"format": "simplified"}, NULL),
    ],
)
async def test_an_attribute_that_is_gone(
    http: httpx.AsyncClient, subscriber: Subscriber, told: dict[str, Any], expected: Any
) -> None:
    await made(http)
    await subscriber.asks(told, notificationTrigger=["attributeDeleted"])
    await merged(http, name=NULL)
    assert (await subscriber.receiver.next()).data[0]["name"] == expected


async def test_times_of_an_attribute_that_is_gone(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    await made(http)
    await subscriber.asks({"sysAttrs": True}, notificationTrigger=["attributeDeleted"])
    await merged(http, road=NULL)
    (found,) = (await subscriber.receiver.next()).data
    assert found["road"].keys() == {"type", "object", "createdAt", "modifiedAt", "deletedAt"}


@pytest.mark.parametrize(
    ("told", "triggers", "expected"),
    [
        ({}, ["entityDeleted"], {"id", "type", "deletedAt"}),
        (
            {"sysAttrs": True},
            ["entityDeleted"],
            {"id", "type", "deletedAt", "createdAt", "modifiedAt"},
        ),
        ({}, ["attributeDeleted"], {"id", "type", "deletedAt", "level", "name", "road"}),
        (
            {"showChanges": True},
            ["entityDeleted"],
            {"id", "type", "deletedAt", "level", "name", "road"},
        ),
        ({"pick": ["id", "level"]}, ["attributeDeleted"], {"id", "deletedAt", "level"}),
    ],
)
async def test_an_entity_that_is_gone(
    http: httpx.AsyncClient,
    subscriber: Subscriber,
    told: dict[str, Any],
    triggers: list[str],
    expected: set[str],
) -> None:
    await made(http)
    await subscriber.asks(told, notificationTrigger=triggers)
    await deleted(http)
    (found,) = (await subscriber.receiver.next()).data
    assert found.keys() == expected
    if "showChanges" in told:
        assert found["level"] == {"type": "Property", "value": NULL, "previousValue": 1}


async def test_one_instance_of_several_is_gone(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    of = "urn:ngsi-ld:Dataset:b"
    two = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": of}]
    await made(http, level=two)
    await subscriber.asks(notificationTrigger=["attributeDeleted"])
    await merged(http, level={"type": "Property", "value": NULL, "datasetId": of})
    (found,) = (await subscriber.receiver.next()).data
    assert found["level"] == [two[0], {"type": "Property", "value": NULL, "datasetId": of}]


async def test_only_the_datasets_that_are_asked_for(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    of = "urn:ngsi-ld:Dataset:b"
    two = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": of}]
    await subscriber.asks(datasetId=[of])
    await made(http, level=two)
    (found,) = (await subscriber.receiver.next()).data
    assert (found["level"], found.keys()) == (two[1], {"id", "type", "level"})


@pytest.mark.parametrize(
    "members",
    [
        {"q": "level>1"},
        {"scopeQ": "/north/#"},
        {
            "geoQ": {
                "georel": "near;maxDistance==9",
                "geometry": "Point",
                "coordinates": [2, 2],
            }
        },
    ],
)
async def test_the_end_of_an_entity_is_told_to_those_whom_it_matched(
    http: httpx.AsyncClient, subscriber: Subscriber, members: dict[str, Any]
) -> None:
    place = {"type": "Point", "coordinates": [2, 2]}
    await made(http)
    other = {"id": "urn:ngsi-ld:Bin:2", "level": 2, "scope": "/north/side", "location": place}
    await made(http, **other)
    await subscriber.asks(notificationTrigger=["entityDeleted"], **members)
    await deleted(http)
    assert (await http.delete(f"/entities/{other['id']}")).status_code == 204
    assert [e["id"] for e in (await subscriber.receiver.next()).data] == [other["id"]]
    await silent(subscriber, http)


async def test_previous_values_are_in_the_words_of_the_subscriber(
    http: httpx.AsyncClient, subscriber: Subscriber
) -> None:
    words = {"Bin": "https://m.example/Bin", "full": "https://m.example/full", "state": "m:state"}
    ld = {"content-type": "application/ld+json"}
    state = {"type": "VocabProperty", "vocab": "full"}
    body = {"id": BIN["id"], "type": "Bin", "state": state, "@context": words}
    assert (await http.post("/entities", json=body, headers=ld)).status_code == 201
    answer = await http.post("/jsonldContexts", json={"@context": words})
    url = "http://localhost:8400" + answer.headers["location"]
    await subscriber.asks(
        {"showChanges": True}, jsonldContext=url, entities=[{"type": "https://m.example/Bin"}]
    )
    body = {"state": {"type": "VocabProperty", "vocab": "empty"}, "@context": words}
    assert (await http.patch(PATH, json=body, headers=ld)).status_code == 204
    (found,) = (await subscriber.receiver.next()).data
    assert found["state"]["previousVocab"] == "full"
