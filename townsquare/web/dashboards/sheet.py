"""Charts as CSV (RFC 4180). Pure.

Always holds: a value that is not known is an empty field; no field begins as a formula of a
spreadsheet would.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from townsquare.model.town import Town
from townsquare.web.dashboards.charts import Chart, Point

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(charts: Iterable[Chart], town: Town) -> str:
    """Times are ISO 8601 with the town's offset then."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    zone = town.timezone
    writer.writerow([
        "chart", "unit", f"from ({zone})", f"to ({zone})", "value", "low", "high",
        f"before from ({zone})", "before value", "remark",
    ])  # fmt: skip
    for chart in charts:
        for row in _rows(chart, town):
            writer.writerow(row)
    return file.getvalue()


def _rows(chart: Chart, town: Town) -> Iterator[list[str]]:
    def local(at: datetime | None) -> str:
        return town.local(at).isoformat() if at else ""

    for point in chart.points:
        numbers = (point.value, point.low, point.high)
        yield [
            safe(chart.title), safe(chart.unit), local(point.since), local(point.until),
            *map(_number, numbers), local(point.before_since), _number(point.before),
            _remark(point),
        ]  # fmt: skip


def safe(text: str) -> str:
    """As text, also for a spreadsheet."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _remark(point: Point) -> str:
    said = {"sample": point.sample, "watched in part": point.part, "growing": point.growing}
    return "; ".join(word for word, so in said.items() if so)
