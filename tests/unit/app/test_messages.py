"""How messages read, and what is taken out of them."""

import json
import logging
import re
import sys

import pytest

from townsquare.app.messages.form import CHILD, LONGEST_BYTES, Json, Rfc5424, Text
from townsquare.app.messages.scrub import scrubbed
from townsquare.app.messages.settings import Settings, Target
from townsquare.model.errors import Invalid, Unavailable

TOKEN = "Zk3x-9QvT_bJ7LmW2sRyHcUeGd5nAoPq1iXfKtB8Vw0"
# RFC 5424, 6: header, no structured data, a message that begins with a BOM.
SYSLOG = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48})"
    rb" ([!-~]{1,128}) ([!-~]{1,32}) - \xef\xbb\xbf(.*)",
    re.DOTALL,
)


def record(text: str, *values: object, name: str = "townsquare.vision.run") -> logging.LogRecord:
    found = logging.LogRecord(name, logging.WARNING, "run.py", 1, text, values, None)
    found.created, found.msecs = 1_893_499_200.25, 250.0  # 2030-01-01T12:00:00.250Z
    return found


def refuse(error: BaseException) -> None:
    raise Unavailable("no answer for ada@example.org") from error


def failed(error: BaseException) -> logging.LogRecord:
    try:
        refuse(error)
    except Unavailable:
        info = sys.exc_info()
    return logging.LogRecord("townsquare.app", logging.ERROR, "x.py", 1, "it failed", (), info)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("camera rtsp://admin:pa55@10.0.0.7/1 is away", "camera rtsp://…@10.0.0.7/1 is away"),
        ("rtsp://10.0.0.7/1?user=admin&pwd=pa55", "rtsp://10.0.0.7/1?…"),
        ("http://localhost:8400/enrol#abc", "http://localhost:8400/enrol?…"),
        ("mail to Ada.L@example.org failed", "mail to … failed"),
        ("sent Authorization: Bearer abcdefgh1234", "sent Authorization: … …"),
        ("Bearer abcdefgh1234", "Bearer …"),
        ("password=pa55 and more", "password=… and more"),
        (f"link {TOKEN} was used", "link … was used"),
        ("by urn:ngsi-ld:Person:4711ab, now", "by urn:ngsi-ld:Person:…, now"),
        ("urn:ngsi-ld:Camera:square is away", "urn:ngsi-ld:Camera:square is away"),
        ("sha256:" + "0a" * 32, "sha256:" + "0a" * 32),
        ("the room vision failed and starts again", "the room vision failed and starts again"),
    ],
)
def test_what_is_nobodys_business_is_taken_out(text: str, told: str) -> None:
    assert scrubbed(text) == told


def test_a_line_of_json_has_the_same_fields_each_time() -> None:
    line = json.loads(Json().format(record("camera %s is\naway", "square")))
    assert line == {
        "at": "2030-01-01T12:00:00.250Z",
        "level": "warning",
        "from": "townsquare.vision.run",
        "message": "camera square is away",
    }


@pytest.mark.parametrize("form", [Json(), Text()])
def test_of_an_exception_its_kind_and_places_are_told_and_not_its_words(
    form: logging.Formatter,
) -> None:
    told = form.format(failed(ValueError("payload of Ada Lovelace")))
    assert "Ada" not in told
    assert "example.org" not in told
    assert "ValueError" in told
    assert "Unavailable" in told
    assert "test_messages.py" in told


def test_what_the_system_says_of_an_error_is_told() -> None:
    told = Text().format(failed(OSError(28, "No space left on device")))
    assert "No space left on device" in told


def test_of_what_libraries_say_only_the_first_line_is_told() -> None:
    told = record("Task exception was never retrieved\nfuture: 'Ada'", name="asyncio")
    assert json.loads(Json().format(told))["message"] == "Task exception was never retrieved"


def test_what_a_child_says_stays_a_line_of_its_own() -> None:
    assert Text().format(record("%s", "  camera a: rtsp://u:p@h/", name=CHILD)) == (
        "  camera a: rtsp://…@h/"
    )


def test_syslog_has_the_form_of_its_rfc() -> None:
    line = Rfc5424(Text(), "town hall", 42).framed(record("é %s", "ü"))
    found = SYSLOG.fullmatch(line)
    assert found
    priority, at, host, app, process, name, text = found.groups()
    assert (priority, at) == (b"28", b"2030-01-01T12:00:00.250Z")  # daemon 3, warning 4
    assert (host, app, process, name) == (b"townhall", b"townsquare", b"42", b"vision.run")
    assert text.decode().endswith("é ü")


def test_a_long_message_is_cut_between_two_characters() -> None:
    line = Rfc5424(Text(), "h", 1).framed(record("é" * 4000))
    assert LONGEST_BYTES - 2 < len(line) <= LONGEST_BYTES
    line.decode()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("udp://127.0.0.1", Target("udp", "127.0.0.1", 514)),
        ("tls://logs.example", Target("tls", "logs.example", 6514)),
        ("tls://[::1]:7000", Target("tls", "::1", 7000)),
        ("", None),
    ],
)
def test_addresses_of_syslog(url: str, target: Target | None) -> None:
    assert Settings(syslog=url).target == target


@pytest.mark.parametrize(
    "url",
    ["tcp://logs", "logs.example", "tls://u:p@logs", "udp://logs:99999", "udp://", "tls://h/x"],
)
def test_what_is_no_address_of_syslog_is_refused_with_a_right_one(url: str) -> None:
    with pytest.raises(Invalid, match=r"such as .udp://"):
        Settings(syslog=url)


def test_beyond_this_machine_the_host_is_declared() -> None:
    told = Settings(syslog="tls://logs.example")
    assert told.undeclared(()) == "logs.example"
    assert told.undeclared(("logs.example",)) == ""
    assert Settings(syslog="udp://127.0.0.1").undeclared(()) == ""
