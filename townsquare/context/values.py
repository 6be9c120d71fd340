"""What each kind of attribute can hold (ETSI GS CIM 009, clauses 4.5.2 to 4.5.24, 4.6 and 4.7).

Pure. `fitted` returns a value as it is kept; messages name the attribute. The NGSI-LD null is
no value: whoever reads a patch takes it out first.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from townsquare.model import geometry
from townsquare.model.entity import NULL, Json, Kind
from townsquare.model.errors import Invalid

DEEPEST = 40  # lists and objects in each other, in one value
# Bytes. Rooms make longer ids of it, such as that of an alarm, and PostgreSQL indexes up to 2,704.
LONGEST_URI = 2_000
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f<>\"{}|\\^`]+")
USER_INFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,6})?Z")
LANGUAGE = re.compile(r"@none|[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
# Fillers, joiners and variation selectors: a name with one of them looks like another name.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def fitted(name: str, kind: Kind, value: Json, *, merging: bool = False) -> Json:
    """The value as it is kept; in a merge there may be nulls in objects. Raises Invalid."""
    if value is None:
        raise Invalid(f"{name}: null is no value; to remove use {NULL!r} in a PATCH")
    if isinstance(value, str):
        _harmless_text(name, value, null=False)
    elif isinstance(value, (list, dict)):
        _harmless(name, value, merging=merging)
    check = CHECKS.get(kind)
    return check(name, value) if check else value


def is_null(kind: Kind, value: Json) -> bool:
    """Whether a value says that the attribute goes (clause 4.5.0)."""
    if isinstance(value, str):
        return value == NULL
    if kind == "LanguageProperty":
        return bool(value == {"@none": NULL})
    return kind in ("ListProperty", "ListRelationship") and value in ([NULL], [{"object": NULL}])


def is_uri(text: Json) -> bool:
    """An absolute URI or IRI that a person can see as it is."""
    if not isinstance(text, str) or len(text) > LONGEST_URI or not URI.fullmatch(text):
        return False
    return text.isascii() or (
        not UNSEEN.search(text)
        and all(unicodedata.category(c)[0] not in "CZ" for c in text)
        and len(text.encode()) <= LONGEST_URI
    )


def read_time(text: Json) -> datetime | None:
    """A time as clause 4.6.3 wants it, UTC with a Z; None for what is not one."""
    if not isinstance(text, str) or not TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _harmless(name: str, value: Json, *, merging: bool) -> None:
    """No address with a login in it, no null where none has a meaning, no bottomless nesting."""
    level: list[Json] = [value]
    for _ in range(DEEPEST):
        below: list[Json] = []
        for part in level:
            inside, null = (part.values(), merging) if isinstance(part, dict) else (part, False)
            for each in inside:
                if isinstance(each, str):
                    _harmless_text(name, each, null=null)
                elif isinstance(each, (list, dict)):
                    below.append(each)
        if not below:
            return
        level = below
    raise Invalid(f"{name}: the value nests deeper than {DEEPEST}")


def _harmless_text(name: str, text: str, *, null: bool) -> None:
    if text == NULL and not null:
        raise Invalid(f"{name}: {NULL!r} is no value; it removes, and in a patch only")
    if "\0" in text:
        # Databases end a text there: it would compare as another one.
        raise Invalid(f"{name}: a text with the character NUL cannot be kept")
    if "://" in text and USER_INFO.match(text):
        # A password in an address would be told to everyone who may see the entity.
        raise Invalid(f"{name}: an address with user info; keep the login as secret:NAME")


def _geometry(name: str, value: Json) -> Json:
    """GeoJSON; as text too, since RDF cannot say nested lists (clause 4.7.2)."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Invalid(f"{name}: a GeoProperty needs a GeoJSON geometry") from error
    try:
        geometry.bounds(value)
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from error
    return value


def _target(name: str, value: Json) -> str:
    if not isinstance(value, str) or not is_uri(value):
        raise Invalid(f"{name}: the object of a Relationship must be a URI, is {_short(value)}")
    return value


def _object(name: str, value: Json) -> Json:
    if isinstance(value, list) and value:
        return [_target(name, part) for part in value]
    return _target(name, value)


def _object_list(name: str, value: Json) -> Json:
    """Of URIs, or of objects with a URI each (clause 4.5.22); kept as URIs."""
    if not isinstance(value, list):
        raise Invalid(f"{name}: objectList must be a list of URIs, is {_short(value)}")
    bare = [part.get("object") if isinstance(part, dict) else part for part in value]
    return [_target(name, part) for part in bare]


def _language_map(name: str, value: Json) -> Json:
    if not isinstance(value, dict) or not value:
        raise Invalid(f"{name}: languageMap must be an object with languages, is {_short(value)}")
    for tag, text in value.items():
        if not LANGUAGE.fullmatch(tag):
            raise Invalid(f"{name}: {tag[:80]!r} is no language (RFC 5646) and not '@none'")
        _strings(f"{name}: languageMap of {tag}", text)
    return value


def _strings(what: str, value: Json) -> Json:
    parts: Iterable[Json] = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise Invalid(f"{what} must be a string or a list of strings, is {_short(value)}")
    return value


def _vocab(name: str, value: Json) -> Json:
    if value in ("", []):
        raise Invalid(f"{name}: vocab must not be empty")
    return _strings(f"{name}: vocab", value)


def _json(name: str, value: Json) -> Json:
    parts: Iterable[Json] = value if isinstance(value, list) else [value]
    if not all(isinstance(part, dict) for part in parts):
        raise Invalid(f"{name}: json must be an object or a list of objects, is {_short(value)}")
    return value


def _list(name: str, value: Json) -> Json:
    if not isinstance(value, list):
        raise Invalid(f"{name}: valueList must be a list, is {_short(value)}")
    return value


def _short(value: Json) -> str:
    return repr(value)[:120]


CHECKS: Mapping[Kind, Callable[[str, Json], Json]] = {
    "GeoProperty": _geometry,
    "Relationship": _object,
    "LanguageProperty": _language_map,
    "VocabProperty": _vocab,
    "JsonProperty": _json,
    "ListProperty": _list,
    "ListRelationship": _object_list,
}
