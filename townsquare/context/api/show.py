"""How a request wants its answer: as a view, and with which linked entities (clause 6.3)."""

from typing import get_args

from townsquare.context.api.select import attribute_names, uris
from townsquare.context.form.projection import read_languages, read_projection
from townsquare.context.form.read import read_format, read_name
from townsquare.context.form.view import CORE, EVERYTHING, Members, Projection, View
from townsquare.context.http import GEO, Request
from townsquare.context.jsonld import Terms
from townsquare.context.linked import Join, JoinForm
from townsquare.context.query import DEEPEST_LINK
from townsquare.model.errors import Invalid

SHOWN = (
    "attrs",
    "pick",
    "omit",
    "lang",
    "datasetId",
    "geometryProperty",
    "options",
    "format",
    "join",
    "joinLevel",
    "containedBy",
    "entityMap",
    "entityMapLifetime",
)
OPTIONS = ("normalized", "concise", "simplified", "keyValues", "sysAttrs")


def read_view(request: Request, terms: Terms, media: str) -> View:
    """Raises Invalid."""
    said = request.parameters
    options = request.options(OPTIONS)
    if "geometryProperty" in said and media != GEO:
        raise Invalid(f"geometryProperty is for {GEO}; ask for that in Accept")
    return View(
        format=read_format(options),
        sys="sysAttrs" in options,
        projection=projection(request, terms),
        datasets=datasets(request),
        languages=read_languages(said["lang"]) if "lang" in said else (),
        place=terms.expand(read_name(said.get("geometryProperty", "location"))),
    )


def projection(request: Request, terms: Terms) -> Projection:
    """Of pick and omit, or of attrs, which the members of an entity do not concern."""
    said = request.parameters
    attrs = request.listed("attrs")
    if attrs and ("pick" in said or "omit" in said):
        raise Invalid("attrs cannot stand beside pick or omit; put its attributes in pick")
    if attrs:
        names = attribute_names("attrs", attrs, terms)
        return Projection(Members(dict.fromkeys((*CORE, *names))))
    for name in ("pick", "omit"):
        if name in said and not said[name].strip():
            raise Invalid(f"{name} is empty; name the members, or leave it out")
    found = read_projection(said.get("pick", ""), said.get("omit", ""), terms.expand)
    return found if "pick" in said or "omit" in said else EVERYTHING


def datasets(request: Request) -> frozenset[str]:
    given = request.listed("datasetId")
    uris([id for id in given if id != "@none"])
    return frozenset(given)


def read_join(request: Request, view: View) -> Join:
    """Raises Invalid for a projection that reaches further than the join."""
    text = request.parameters.get("join", "@none")
    form = next((form for form in get_args(JoinForm) if form == text), None)
    if form is None:
        raise Invalid(f"join must be inline, flat or @none, is {text[:80]!r}")
    level = request.number("joinLevel", 1)
    if not 1 <= level <= DEEPEST_LINK:
        raise Invalid(f"joinLevel must be from 1 to {DEEPEST_LINK}, is {level}")
    contained = frozenset(uris(request.listed("containedBy")))
    join = Join() if form == "@none" else Join(form, level, contained)
    reach(view.projection.depth(), join)
    return join


def reach(depth: int, join: Join) -> None:
    """Raises Invalid where something is said of entities that are not retrieved."""
    if depth > join.level:
        raise Invalid(
            f"this reaches {depth} Relationships far;"
            f" ask for it with join=inline or flat and joinLevel={depth}, up to {DEEPEST_LINK}"
        )
