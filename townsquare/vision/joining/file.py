"""Many cameras from one CSV: all are declared, or none and each wrong line is told. Pure."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.vision.joining.registrations import Login

NEEDED = ("name", "title", "url", "longitude", "latitude")
TEXTS = ("title", "url", "small_url", "transport", "legal_basis", "owner", "review")
NUMBERS = ("direction", "view_deg", "reach_m")
LISTS = ("purposes", "classes")  # parts with ; between
COLUMNS = (*NEEDED, "user", "password", *TEXTS[2:], *NUMBERS, *LISTS, "assessment", "assessed")
MOST_FILE = 1_000_000  # bytes
MOST_ROWS = 1000


class Wrong(Struct, frozen=True):
    """A line of the file, from 1, and what is wrong in it."""

    line: int
    why: str


class Row(Struct, frozen=True):
    line: int
    name: str
    declared: Mapping[str, Json]
    login: Login | None


def read(text: str, wrong_of: Callable[[Row], str]) -> tuple[Sequence[Row], Sequence[Wrong]]:
    """`wrong_of` says what is wrong with a row. Raises Invalid for what is no such file."""
    reader = csv.DictReader(io.StringIO(text))
    heads = reader.fieldnames or ()
    if missing := [name for name in NEEDED if name not in heads]:
        raise Invalid(f"the first line must name {', '.join(NEEDED)}; {missing[0]} is missing")
    if strange := [name for name in heads if name not in COLUMNS]:
        raise Invalid(f"{strange[0][:60]!r} is no column; there are {', '.join(COLUMNS)}")
    rows, wrong, seen = list[Row](), list[Wrong](), dict[str, int]()
    for cells in reader:
        line = reader.line_num
        if len(seen) + len(wrong) >= MOST_ROWS:
            raise Invalid(f"a file has {MOST_ROWS} cameras at most; make two of it")
        try:
            row = _row(line, cells)
        except Invalid as error:
            wrong.append(Wrong(line, str(error)))
            continue
        if row.name in seen:
            wrong.append(Wrong(line, f"line {seen[row.name]} has this name already"))
        elif why := wrong_of(row):
            wrong.append(Wrong(line, why))
        else:
            rows.append(row)
        seen.setdefault(row.name, line)
    return rows, wrong


def _row(line: int, cells: Mapping[str | None, Any]) -> Row:
    """Raises Invalid."""
    if None in cells:
        raise Invalid("it has more cells than the first line names")
    given = {str(name): (text or "").strip() for name, text in cells.items()}
    declared: dict[str, Json] = {name: given[name] for name in TEXTS if given.get(name)}
    declared |= {name: _number(name, given[name]) for name in NUMBERS if given.get(name)}
    declared |= {
        name: [part.strip() for part in given[name].split(";") if part.strip()]
        for name in LISTS
        if given.get(name)
    }
    lon, lat = (_number(name, given[name]) for name in ("longitude", "latitude"))
    declared["position"] = {"lon": lon, "lat": lat}
    if given.get("assessment"):
        assessed = {"reference": given["assessment"], "completed": given.get("assessed", "")}
        declared["impact_assessment"] = assessed
    login = None
    if given.get("user"):
        try:
            login = msgspec.convert(
                {"user": given["user"], "password": given.get("password", "")}, Login
            )
        except msgspec.ValidationError as error:
            raise Invalid(f"user and password: {error}") from error
    return Row(line, given["name"], declared, login)


def _number(name: str, text: str) -> float:
    """Raises Invalid."""
    try:
        return float(text)
    except ValueError as error:
        raise Invalid(f"{name} is {text[:40]!r}, which is no number") from error
