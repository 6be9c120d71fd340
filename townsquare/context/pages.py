"""Part of a list that is in memory, with the links to the parts beside it (clause 6.3.10)."""

from collections.abc import Sequence
from typing import TypeVar

from townsquare.context.http import Request
from townsquare.context.paging import paging
from townsquare.context.query import LIMIT, Query

T = TypeVar("T")


def part_of(request: Request, whole: Sequence[T], media: str) -> tuple[Sequence[T], dict[str, str]]:
    """The part that `limit`, `offset` and `count` ask for, and its headers.

    An offset behind the end means the last one. Raises Invalid or TooManyResults.
    """
    offset = min(request.number("offset", 0), max(0, len(whole) - 1))
    count = request.flag("count")
    asked = Query(limit=request.number("limit", LIMIT), offset=offset, count=count)
    end = offset + asked.limit
    headers = paging(request, asked, media, more=end < len(whole), as_asked=True)
    if count:
        headers["NGSILD_Results_Count"] = str(len(whole))
    return whole[offset:end], headers
