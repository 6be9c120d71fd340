"""JSON of a client into a good `Registration`, and back (clauses 5.9.2.4, 5.9.3.4, 4.3.6.3)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import httpx
import msgspec

from townsquare.context.form.attribute import read_name
from townsquare.context.http import JSON, LD
from townsquare.context.jsonld import Terms
from townsquare.context.query import read_pattern
from townsquare.context.sources.operations import AUXILIARY, NAMES
from townsquare.context.sources.registration import MEMBERS, TYPE, Registration
from townsquare.context.values import URI
from townsquare.model import geometry
from townsquare.model.entity import NULL, Json
from townsquare.model.errors import Invalid

LONGEST = 256 * 1024  # bytes of a registration
# What this broker says of a registration; a client's word on it is not heard.
COUNTED = frozenset({"status", "timesSent", "timesFailed", "lastSuccess", "lastFailure"})
FROM_REQUEST = "urn:ngsi-ld:request"
NAMES_OF_ATTRIBUTES = ("propertyNames", "relationshipNames")
SPACES = ("location", "observationSpace", "operationSpace")


def read(json: Json, terms: Terms, now: datetime, *, id: str = "") -> Registration:
    """Raises Invalid. `id` is taken where the client gives none."""
    given = _members(json, terms)
    return _registration({"id": id, **_present(given)}, now)


def amended(kept: Registration, fragment: Json, terms: Terms, now: datetime) -> Registration:
    """With the members of the fragment instead of its own; null takes one away (clause 5.5.8)."""
    given = _members(fragment, terms)
    if given.get("id", kept.id) != kept.id:
        raise Invalid(f"the id of a registration cannot change, and this one is {kept.id}")
    before: dict[str, Json] = msgspec.to_builtins(kept)
    whole = {**before, **given, "own": {**before.get("own", {}), **given.pop("own", {})}}
    whole = {**whole, **given}
    # An expiry that has come meanwhile is no reason to refuse a change of something else.
    return _registration(_present(whole), now if "expiresAt" in given else None)


def _members(json: Json, terms: Terms) -> dict[str, Json]:
    """In canonical names, Context Source Properties apart."""
    if not isinstance(json, dict):
        raise Invalid("a registration must be a JSON object")
    known = {n: v for n, v in json.items() if n in MEMBERS}
    own = {n: v for n, v in json.items() if n not in MEMBERS | COUNTED | {"@context"}}
    if "information" in known:
        known["information"] = _renamed(known["information"], terms.expand, read_name)
    if isinstance(known.get("datasetId"), str):
        known["datasetId"] = [known["datasetId"]]
    known["own"] = {terms.expand(read_name(name)): value for name, value in own.items()}
    return known


def _present(json: Mapping[str, Json]) -> dict[str, Json]:
    """Without nulls, which mean in JSON-LD that the member is not there."""
    there = {n: v for n, v in json.items() if v is not None and v != NULL}
    there["own"] = {n: v for n, v in there.get("own", {}).items() if v is not None and v != NULL}
    return there


def written(one: Registration, terms: Terms) -> dict[str, Json]:
    """The registration in the asker's words."""
    json: dict[str, Json] = msgspec.to_builtins(msgspec.structs.replace(one, by=None))
    own = json.pop("own", {})
    json["information"] = _renamed(json["information"], terms.compact)
    return {**json, **{terms.compact(name): value for name, value in own.items()}}


def _renamed(
    information: Json, rename: Callable[[str], str], checked: Callable[[str], str] = str
) -> Json:
    """`information` with types and attributes renamed; what has another shape stays as it is."""

    def name(given: Json) -> Json:
        if isinstance(given, list | tuple):
            return [name(part) for part in given]
        return rename(checked(given)) if isinstance(given, str) else given

    def entity(given: Json) -> Json:
        return _with(given, {"type": name})

    def entities(given: Json) -> Json:
        return [entity(part) for part in given] if isinstance(given, list | tuple) else given

    parts = {"entities": entities, **dict.fromkeys(NAMES_OF_ATTRIBUTES, name)}
    if not isinstance(information, list | tuple):
        return information
    return [_with(part, parts) for part in information]


def _with(given: Json, changes: Mapping[str, Callable[[Json], Json]]) -> Json:
    if not isinstance(given, dict):
        return given
    return {n: changes[n](v) if n in changes else v for n, v in given.items()}


# --- what must hold


def _registration(members: Mapping[str, Json], now: datetime | None) -> Registration:
    if len(msgspec.json.encode(members)) > LONGEST:
        raise Invalid(f"a registration has at most {LONGEST} bytes")
    if members.get("type") != TYPE:
        raise Invalid(f"type must be {TYPE}, is {str(members.get('type'))[:80]!r}")
    try:
        found = msgspec.convert(members, Registration)
    except msgspec.ValidationError as error:
        raise Invalid(f"the registration is wrong: {error}") from error
    if now and found.expired(now):
        raise Invalid(f"expiresAt {found.expires_at} is past")
    _check(found)
    return found


def _check(one: Registration) -> None:
    _uris("id", [one.id])
    _uris("datasetId", [id for id in one.dataset_id or () if id != "@none"])
    _endpoint(one.endpoint)
    _check_information(one)
    if unknown := [name for name in one.operations or () if name not in NAMES]:
        raise Invalid(f"operations: {unknown[0][:80]!r} is no operation and no group of them")
    if one.mode == "auxiliary" and not AUXILIARY.issuperset(one.operations or ()):
        raise Invalid(f"an auxiliary source offers only {', '.join(sorted(AUXILIARY))}")
    for space in (one.location, one.observation_space, one.operation_space):
        if space is not None:
            geometry.geometry(space)
    _check_extra(one)


def _check_information(one: Registration) -> None:
    for part in one.information:
        if not (part.entities or part.attributes):
            raise Invalid("information: each part needs entities or names of attributes")
        for entity in part.entities or ():
            _uris("information: id", [entity.id] if entity.id else [])
            read_pattern(entity.id_pattern or "")
            if one.mode == "exclusive" and (entity.id is None or entity.id_pattern):
                raise Invalid("an exclusive source has the id of each entity, and no idPattern")
        if one.mode == "exclusive" and not (part.entities and part.attributes):
            raise Invalid("an exclusive source names entities and their attributes")


def _check_extra(one: Registration) -> None:
    """Clauses 4.3.6.5 and 4.3.6.6."""
    for pair in one.context_source_info or ():
        key, value = pair.key.lower(), pair.value
        if value == FROM_REQUEST:
            continue
        if key in ("accept", "contenttype") and value not in (JSON, LD):
            raise Invalid(f"contextSourceInfo: {pair.key} must be {JSON} or {LD}")
        if key == "jsonldcontext":
            _endpoint(value)
        if key == "ngsildconformance" and not value.replace(".", "", 1).isdigit():
            raise Invalid(f"contextSourceInfo: {pair.key} must be like 1.5")


def _uris(member: str, ids: Iterable[str]) -> None:
    for id in ids:
        if not URI.fullmatch(id):
            raise Invalid(f"{member} must be a URI, is {id[:200]!r}")


def _endpoint(address: str) -> None:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise Invalid(f"{address[:200]!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise Invalid(f"{address[:200]!r} must be an http or https address without a login")
