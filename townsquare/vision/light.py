"""Day, dusk or night, from how bright a camera's picture is. Pure.

It says under which light counting was measured, not where the sun stands: a lit square may count
as dusk all night, and a thunderstorm may make it of a day.
"""

from typing import Literal

Light = Literal["unknown", "day", "dusk", "night"]

# Mean grey levels of 255. The clips of streets by day that came with the project have 115 to 137.
DUSK, DAY = 40.0, 75.0
MARGIN = 4.0  # what wavers around a step does not change the light
SLOWNESS = 0.02  # of the mean: headlights are no dawn


def brightness(before: float | None, level: float) -> float:
    """The slow mean after one more picture."""
    return level if before is None else before + (level - before) * SLOWNESS


def light_of(level: float, before: Light = "unknown") -> Light:
    low, high = DUSK, DAY
    if before != "unknown":
        low += MARGIN if before == "night" else -MARGIN
        high += -MARGIN if before == "day" else MARGIN
    if level >= high:
        return "day"
    return "dusk" if level >= low else "night"
