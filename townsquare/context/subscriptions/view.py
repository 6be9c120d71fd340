"""How a subscriber wants to be told: as a view of entities, and with which linked ones. Pure."""

import re
from dataclasses import dataclass

from townsquare.context.form.conform import OURS, Version
from townsquare.context.form.projection import read_languages, read_projection
from townsquare.context.form.read import read_format
from townsquare.context.form.view import CORE, EVERYTHING, Members, Projection, View
from townsquare.context.geoquery import Geo, read_near
from townsquare.context.http import GEO
from townsquare.context.jsonld import CORE_TERMS
from townsquare.context.linked import Join
from townsquare.context.query import DEEPEST_LINK
from townsquare.context.subscriptions.wire import GeoQuery, Params, Subscription
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Near

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(\.\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Style:
    """`changes` are previous values, `version` is the earliest that understands it."""

    view: View
    join: Join
    media: str
    changes: bool
    version: Version

    @property
    def geojson(self) -> bool:
        return self.media == GEO


def style(given: Subscription) -> Style:
    """Of a subscription whose names are canonical. Raises Invalid."""
    params = given.notification
    view = View(
        format=read_format((params.format or "normalized",)),
        sys=bool(params.sys_attrs),
        projection=_projection(params),
        datasets=frozenset(given.dataset_id or ()),
        languages=read_languages(given.lang) if given.lang else (),
    )
    return Style(
        view,
        _join(params, view),
        params.endpoint.media,
        bool(params.show_changes),
        _version(given.ngsild_conformance),
    )


def _projection(params: Params) -> Projection:
    """`attributes` does not concern the members of an entity (clause 5.2.14.1)."""
    if params.attributes:
        return Projection(Members(dict.fromkeys((*CORE, *params.attributes))))
    if not (params.pick or params.omit):
        return EVERYTHING
    return read_projection(",".join(params.pick or ()), ",".join(params.omit or ()), str)


def _join(params: Params, view: View) -> Join:
    form, level = params.join or "@none", params.join_level or 1
    if level > DEEPEST_LINK:
        raise Invalid(f"joinLevel must be from 1 to {DEEPEST_LINK}, is {level}")
    join = Join() if form == "@none" else Join(form, level)
    if view.projection.depth() > join.level:
        raise Invalid("pick or omit reach further than join and joinLevel")
    return join


def _version(text: str | None) -> Version:
    if text is None:
        return OURS
    found = _VERSION.fullmatch(text)
    if found is None:
        raise Invalid(f"ngsildConformance must be a version such as 1.6, is {text[:80]!r}")
    return min(OURS, Version(int(found[1]), int(found[2])))


def near(given: GeoQuery) -> Near:
    """Raises Invalid."""
    geo = Geo(given.georel, given.geometry, given.coordinates, given.geoproperty or "location")
    return read_near(geo, CORE_TERMS)
