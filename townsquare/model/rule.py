"""What is worth an operator's attention: rooms and the town declare it, `alerts` applies it."""

from dataclasses import dataclass
from typing import Literal

from townsquare.model.errors import Invalid

Severity = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Raises when `attribute` has been at or above `above` for `for_s` seconds, and returns to
    normal when it has been at or below `clear_below` for as long.
    """

    name: str
    title: str
    type: str
    attribute: str
    above: float
    clear_below: float
    for_s: float = 0
    severity: Severity = "medium"
    consequence: str = ""
    response: str = ""

    def __post_init__(self) -> None:
        if not self.clear_below < self.above:
            raise Invalid(
                f"rule {self.name!r}: clear_below {self.clear_below} must be less than above"
                f" {self.above}, or the alarm would chatter"
            )
