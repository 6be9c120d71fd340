"""How a message reads: as a line of text, as a line of JSON, as RFC 5424 has it. Pure.

Always holds: of an exception its kind and its places in the code are told, not its own words, which
may repeat what somebody sent; of what libraries say only the first line, for the same reason.
"""

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType

from townsquare.app.messages.scrub import scrubbed

OURS = "townsquare"
CHILD = "townsquare.child"  # what a process of ours said itself
APP, FACILITY = "townsquare", 3  # system daemons (RFC 5424, 6.2.1)
SEVERITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}
LONGEST_BYTES = 2_048  # that every receiver should take (RFC 5424, 6.1)
BOM = b"\xef\xbb\xbf"  # of a message in UTF-8 (6.4)


def said(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if not record.name.startswith(OURS):
        text = text.partition("\n")[0]
    return scrubbed(" ".join(text.split()))


def at(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def causes(record: logging.LogRecord) -> list[str]:
    """The exception and those behind it, each as its kind and its places, innermost last."""
    error = record.exc_info[1] if record.exc_info else None
    return [_told(one) for one in _chain(error)]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException) -> str:
    # What the operating system says of an error names no data.
    said = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}{said}: {' > '.join(_places(error.__traceback__))}"


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(trace):
        _, there, inside = frame.filename.rpartition("/townsquare/")
        short = f"{OURS}/{inside}" if there else frame.filename.rpartition("/")[2]
        yield f"{short}:{frame.lineno} {frame.name}"


class Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name == CHILD:
            return scrubbed(record.getMessage())
        line = f"{at(record)} {record.levelname:7} {record.name}: {said(record)}"
        return "\n".join([line, *(f"    {cause}" for cause in causes(record))])


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | list[str]] = {
            "at": at(record),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": said(record),
        }
        if found := causes(record):
            line["error"] = found[0]
            line["causes"] = found[1:]
        return json.dumps(line, ensure_ascii=False)


class Rfc5424(logging.Formatter):
    """`inner` writes the message; `host` and `process` are ours."""

    def __init__(self, inner: logging.Formatter, host: str, process: int) -> None:
        super().__init__()
        self._inner, self._host, self._process = inner, _printable(host, 255), process

    def framed(self, record: logging.LogRecord) -> bytes:
        priority = 8 * FACILITY + SEVERITIES.get(record.levelname, 5)
        name = _printable(record.name.removeprefix(f"{OURS}."), 32)
        header = f"<{priority}>1 {at(record)} {self._host} {APP} {self._process} {name} - "
        text = self._inner.format(record).replace("\n", " ")
        line = header.encode() + BOM + text.encode()
        return line[:LONGEST_BYTES].decode(errors="ignore").encode()


def _printable(text: str, most: int) -> str:
    """Without blanks or anything that is not ASCII; "-" where nothing is left (6.2.4)."""
    return "".join(c for c in text if "!" <= c <= "~")[:most] or "-"
