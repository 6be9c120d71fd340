"""Windows of time that all of the house agrees on. Pure."""

from datetime import UTC, datetime, timedelta

WINDOW = timedelta(minutes=5)


def window_of(at: datetime) -> datetime:
    """Start of the window that `at` is in."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour + (at - hour) // WINDOW * WINDOW
