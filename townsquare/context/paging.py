"""Links to the page before and the page behind (ETSI GS CIM 009, clauses 5.5.9 and 6.3.10)."""

from urllib.parse import quote, urlencode

from townsquare.context.http import Request, address
from townsquare.context.query import Query


def paging(
    request: Request, query: Query, media: str, *, more: bool, as_asked: bool = False
) -> dict[str, str]:
    """The header Link, where there is another page. What was asked stays as it was asked.

    Its order, too, if `as_asked`; else it is alphabetic, so that a page has one address.
    """
    offsets = []
    if query.offset and query.limit:
        offsets.append((max(0, query.offset - query.limit), "prev"))
    if more and query.limit:
        offsets.append((query.offset + query.limit, "next"))
    path = address(*request.path)
    links = []
    for offset, relation in offsets:
        said = {**request.parameters, "offset": str(offset), "limit": str(query.limit)}
        order = said.items() if as_asked else sorted(said.items())
        parameters = urlencode(list(order), safe=":*", quote_via=quote)
        links.append(f'<{path}?{parameters}>; rel="{relation}"; type="{media}"')
    return {"link": ", ".join(links)} if links else {}
