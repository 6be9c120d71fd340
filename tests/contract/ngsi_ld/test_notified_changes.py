"""What is told of changes: previous values, and what is gone (clauses 5.2.14 and 5.8.6)."""

from typing import Any

import httpx
import pytest

from tests.contract.ngsi_ld.subscriber import (
    BIN,
    NULL,
    Subscriber,
    deleted,
    made,
    merged,
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
