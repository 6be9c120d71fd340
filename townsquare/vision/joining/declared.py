"""A camera as an engineer declares it: the keys of a [[camera]] table, as JSON. Pure.

Always holds: what was read here is a camera that the settings would take too, reached over the
network, without anything in it by which others get in.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from townsquare.model.camera import Camera
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.vision.address import is_file

KEYS = frozenset(field.name for field in fields(Camera)) - {"name", "login", "record", "sample"}
ELSEWHERE = {
    "name": "it stands beside what is declared",
    "login": "give login = {user, password} beside it; the house keeps it as a secret",
    "record": "what is recorded stands in townsquare.toml, as its custodians do",
    "sample": "a recorded clip is declared in townsquare.toml",
}
OPENS = ("pass", "pwd", "user", "login", "token", "auth", "key", "secret", "credential")


def camera(name: str, declared: Mapping[str, Json], login: str = "") -> Camera:
    """`login` is the name of a secret. Raises Invalid."""
    if strange := [key for key in declared if key not in KEYS]:
        key = strange[0]
        why = ELSEWHERE.get(key, f"there are {', '.join(sorted(KEYS))}")
        raise Invalid(f"{key[:60]!r} is not declared here: {why}")
    try:
        found = msgspec.convert({**declared, "name": name, "login": login}, Camera)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    for url in (found.url, found.small_url):
        require_remote(url)
    return found


def require_remote(url: str) -> None:
    """Raises Invalid for a file of this machine, and for what opens the camera to any reader."""
    if not url:
        return
    if is_file(url) or not urlsplit(url).hostname:
        raise Invalid(f"url {url[:80]!r} names no host; write rtsp://192.0.2.10/stream")
    asked = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if opens := [name for name in sorted(asked) if any(word in name for word in OPENS)]:
        raise Invalid(
            f"url has {opens[0][:40]!r} in it, which others can read; give user and password"
            " as login instead"
        )


def of(told: Camera) -> dict[str, Any]:
    """What was declared, without what has its default."""
    plain = msgspec.to_builtins(told)
    defaults = {field.name: field.default for field in fields(Camera)}
    return {key: plain[key] for key in plain if key in KEYS and getattr(told, key) != defaults[key]}
