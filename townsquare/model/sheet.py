"""Tables as CSV (RFC 4180). Pure.

Always holds: no field begins as a formula of a spreadsheet would, unless it is a number.
"""

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def written(rows: Iterable[Iterable[object]]) -> str:
    """None is an empty field."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(map(safe, row) for row in rows)
    return out.getvalue()


def safe(field: object) -> object:
    if isinstance(field, str) and field.startswith(FORMULA) and not _is_number(field):
        return f"'{field}"
    return field


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
