"""Charts as CSV. Pure.

Always holds: a value that is not known is an empty field.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from townsquare.model import sheet as table
from townsquare.model.town import Town
from townsquare.web.dashboards.charts import Chart, Point


def sheet(charts: Iterable[Chart], town: Town) -> str:
    """Times are ISO 8601 with the town's offset then."""
    zone = town.timezone
    heads = [
        "chart", "unit", f"from ({zone})", f"to ({zone})", "value", "low", "high",
        f"before from ({zone})", "before value", "remark",
    ]  # fmt: skip
    return table.written([heads, *(row for chart in charts for row in _rows(chart, town))])


def _rows(chart: Chart, town: Town) -> Iterator[list[str]]:
    def local(at: datetime | None) -> str:
        return town.local(at).isoformat() if at else ""

    for point in chart.points:
        numbers = (point.value, point.low, point.high)
        yield [
            chart.title, chart.unit, local(point.since), local(point.until),
            *map(_number, numbers), local(point.before_since), _number(point.before),
            _remark(point),
        ]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _remark(point: Point) -> str:
    said = {"sample": point.sample, "watched in part": point.part, "growing": point.growing}
    return "; ".join(word for word, so in said.items() if so)
