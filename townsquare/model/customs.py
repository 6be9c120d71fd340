"""Numbers, days and times as they are written in the language that is read.

Always holds: this is for people; files and APIs have forms of their own. A time is shown by the
clock that it carries.
"""

from datetime import date, datetime

from townsquare.model.texts import later, text

MONTHS = (
    later("January"),
    later("February"),
    later("March"),
    later("April"),
    later("May"),
    later("June"),
    later("July"),
    later("August"),
    later("September"),
    later("October"),
    later("November"),
    later("December"),
)
SHORT = (
    later("Jan"),
    later("Feb"),
    later("Mar"),
    later("Apr"),
    later("May"),
    later("Jun"),
    later("Jul"),
    later("Aug"),
    later("Sep"),
    later("Oct"),
    later("Nov"),
    later("Dec"),
)
WEEKDAYS = (
    later("Mon"),
    later("Tue"),
    later("Wed"),
    later("Thu"),
    later("Fri"),
    later("Sat"),
    later("Sun"),
)


def number(value: float, spec: str = ",") -> str:
    """`spec` as `format` takes it, such as ",.1f"."""
    like = text("1,234.5")
    return f"{value:{spec}}".translate(str.maketrans(",.", like[1] + like[5]))


def share(value: float, spec: str = ".1f") -> str:
    """Of one, in percent."""
    return f"{number(100 * value, spec)}\N{NO-BREAK SPACE}%"


def day(at: date) -> str:
    """Such as "5 May 2030"."""
    month = text(MONTHS[at.month - 1])
    return text("{day} {month} {year}", day=_day(at), month=month, year=at.year)


def moment(at: datetime, *, seconds: bool = False) -> str:
    """Such as "5 May 2030, 14:03"."""
    return text("{day}, {time}", day=day(at), time=f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}")


def near(at: datetime) -> str:
    """Such as "5 May, 14:03": where everybody knows of which year."""
    month = text(SHORT[at.month - 1])
    return text("{day} {month}, {time}", day=_day(at), month=month, time=f"{at:%H:%M}")


def hour(at: datetime) -> str:
    """Such as "Mon 14:00"."""
    return text("{weekday} {time}", weekday=text(WEEKDAYS[at.weekday()]), time=f"{at:%H:%M}")


def _day(at: date) -> str:
    # The first is a word of its own in French.
    return text("1") if at.day == 1 else str(at.day)
