"""Part of a list that is in memory, with the links to the parts beside it (clause 6.3.10)."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

from townsquare.context.http import ROOT, Request
from townsquare.context.query import LIMIT, MOST
from townsquare.model.errors import Invalid, TooManyResults

T = TypeVar("T")


def part_of(request: Request, whole: Sequence[T], media: str) -> tuple[Sequence[T], dict[str, str]]:
    """The part that `limit`, `offset` and `count` ask for, and its headers.

    An offset behind the end means the last one. Raises Invalid or TooManyResults.
    """
    limit, offset = request.number("limit", LIMIT), request.number("offset", 0)
    count = request.flag("count")
    if limit == 0 and not count:
        raise Invalid(f"limit 0 needs count=true; without it use 1 to {MOST}")
    if limit > MOST:
        raise TooManyResults(f"limit {limit} is over {MOST}; ask for less and page on")
    offset = min(offset, max(0, len(whole) - 1))
    headers = {"NGSILD_Results_Count": str(len(whole))} if count else {}
    links = []
    if offset and limit:
        links.append(_link(request, limit, max(0, offset - limit), "prev", media))
    if offset + limit < len(whole) and limit:
        links.append(_link(request, limit, offset + limit, "next", media))
    if links:
        headers["link"] = ", ".join(links)
    return whole[offset : offset + limit], headers


def _link(request: Request, limit: int, offset: int, relation: str, media: str) -> str:
    parameters = urlencode({**request.parameters, "limit": limit, "offset": offset})
    path = "/".join((ROOT, *request.path))
    return f'<{path}?{parameters}>; rel="{relation}"; type="{media}"'
