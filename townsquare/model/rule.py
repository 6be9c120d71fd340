"""What is worth an operator's attention: rooms and the town declare it, `alerts` applies it."""

import re
from dataclasses import dataclass
from typing import Literal

from townsquare.model.declaration import LIVE
from townsquare.model.errors import Invalid

Severity = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Raises when `attribute` has been at or above `above` for `for_s` seconds, and returns to
    normal when it has been at or below `clear_below` for as long. It looks at each entity of
    `type` in `scope`; "" means those that have no scope.
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
    scope: str = LIVE

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.name):
            raise Invalid(
                f"rule {self.name!r}: its name becomes part of ids; use letters, digits, . _ -"
            )
        if self.for_s < 0:
            raise Invalid(f"rule {self.name!r}: for_s {self.for_s} must be 0 seconds or more")
        if not self.clear_below < self.above:
            raise Invalid(
                f"rule {self.name!r}: clear_below {self.clear_below} must be less than above"
                f" {self.above}, or the alarm would chatter"
            )
