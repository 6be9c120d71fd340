"""Hours as footage is kept by them: 2026-11-23T09 is from 9 to 10 o'clock, UTC. Pure."""

import re
from datetime import UTC, datetime, timedelta

from townsquare.model.entity import urn
from townsquare.vision.sealed.types import FOOTAGE

HOUR = timedelta(hours=1)
FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d")


def hour_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H")


def began(hour: str) -> datetime:
    return datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def ended(hour: str) -> datetime:
    return began(hour) + HOUR


def hours(since: datetime, until: datetime) -> list[str]:
    """Those that have something of this time."""
    at, found = began(hour_of(since)), list[str]()
    while at < until:
        found.append(hour_of(at))
        at += HOUR
    return found


def footage_id(camera: str, hour: str) -> str:
    return urn(FOOTAGE, f"{camera}:{hour}")


def camera_and_hour(id: str) -> tuple[str, str]:
    camera, _, hour = id.removeprefix(urn(FOOTAGE, "")).partition(":")
    return camera, hour
