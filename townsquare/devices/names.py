"""Names of ways in: part of ids and addresses. Pure."""

import re

from townsquare.model.errors import Invalid

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def require_name(name: str) -> None:
    """Raises Invalid."""
    if not NAME.fullmatch(name):
        raise Invalid(f"name {name[:60]!r} takes small letters, digits and -, such as city-lora")
