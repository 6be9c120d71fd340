"""Names and @context (JSON-LD 1.1; ETSI GS CIM 009, clauses 4.4 and 5.5.7).

A context is resolved once into a flat table of terms; no request runs a JSON-LD processor.
The core context is built in, protected and last: no other context can change its terms.
Terms that no context knows belong to the default context and stay as they are (the canonical
form that `model.entity` describes).

A context says what names mean and nothing else here. Coercion (`@type`, `@container`) cannot
reach the value of an attribute, which is a member of it, so it is read over; what could reshape
an entity (`@context` or `@reverse` in a definition, `@import`) is refused, as clause 5.5.7 asks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urljoin

from townsquare.context.core import (
    CORE,
    CORE_IRIS,
    CORE_NAMES,
    CORE_URLS,
    DEFAULT,
    PREFIXES,
)
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

DEEPEST = 5  # contexts that name contexts that name …
LONGEST_CHAIN = 16  # prefixes of prefixes
MOST_TERMS = 50_000  # of one context
MOST_REMEMBERED = 10_000  # names that were compacted, per context
ENDS_PREFIX = (":", "/", "?", "#", "[", "]", "@")  # JSON-LD 1.1, 9.15.1: general delimiters
KEYWORDS = frozenset(
    {"@id", "@type", "@value", "@language", "@index", "@list", "@set", "@graph", "@nest", "@none"}
    | {"@json", "@included", "@reverse", "@vocab", "@base", "@direction", "@container"}
)
RESHAPING = ("@context", "@reverse", "@nest")


class Definition(NamedTuple):
    """Of one term. Without `iri` the term is explicitly nothing, or a name for a keyword."""

    iri: str | None
    prefix: bool = False  # may stand before a colon
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a context says. `source` is what answers are labelled with, `url` what Link names.

    A context that is not at one address has no `url` (`Contexts.addressed` gives it one).
    """

    iris: Mapping[str, str | None] = field(default_factory=dict)  # term to canonical name
    short: Mapping[str, str] = field(default_factory=dict)  # and back
    prefixes: Mapping[str, str] = field(default_factory=lambda: PREFIXES)
    starts: Mapping[str, str] = field(default_factory=lambda: _inverse(PREFIXES))
    source: Json = CORE
    url: str = CORE
    _prefixed: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def expand(self, name: str) -> str:
        """Canonical form of a name in this context. Raises Invalid."""
        if name in CORE_IRIS:
            return name
        if name in self.iris:
            return self._meant(name)
        prefix, colon, rest = name.partition(":")
        if not colon:
            return name
        if prefix in self.prefixes and not rest.startswith("//"):
            return canonical(self.prefixes[prefix] + rest)
        return canonical(name)

    def _meant(self, name: str) -> str:
        meant = self.iris[name]
        if meant is None:
            raise Invalid(f"the @context says that {name!r} is no name; use another one")
        return meant

    def compact(self, name: str) -> str:
        """The term of a canonical name, or it with a prefix, or in full (JSON-LD API, 6.2)."""
        term = self.short.get(name)
        if term is not None:
            return term
        if name in CORE_IRIS or (":" not in name and name not in self.iris):
            return name
        if name not in self._prefixed:
            if len(self._prefixed) >= MOST_REMEMBERED:
                self._prefixed.clear()
            self._prefixed[name] = self._with_prefix(name)
        return self._prefixed[name]

    def _with_prefix(self, name: str) -> str:
        iri = name if ":" in name else DEFAULT + name
        ends = [end for end in range(1, len(iri)) if iri[:end] in self.starts]
        found = [
            f"{self.starts[iri[:end]]}:{iri[end:]}" for end in ends if iri[end : end + 2] != "//"
        ]
        free = [compacted for compacted in found if compacted not in self.iris]
        return min(free, key=_preferred, default=iri)


def canonical(iri: str) -> str:
    """The one name that the house has for an IRI."""
    core = CORE_NAMES.get(iri)
    if core is not None:
        return core
    if iri.startswith(DEFAULT):
        name = iri.removeprefix(DEFAULT)
        if name and name not in CORE_IRIS and ":" not in name and not name.startswith("@"):
            return name
    return iri


def iri(name: str) -> str:
    """The whole IRI of a canonical name."""
    return CORE_IRIS.get(name) or (name if ":" in name else DEFAULT + name)


def is_core(url: Json) -> bool:
    return isinstance(url, str) and url in CORE_URLS


def references(context: Json, base: str = "", depth: int = 0) -> Iterator[str]:
    """Addresses that a context names and that are not the core context. Raises Invalid."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(context, str) and not is_core(context):
        yield _absolute(context, base)
    elif isinstance(context, list):
        for part in context:
            yield from references(part, base, depth + 1)


def checked(context: Json, base: str = "") -> Json:
    """The same context, when what it says by itself is right. Raises Invalid."""
    _Meaning(defaultdict(dict)).read(context, base)
    return context


def resolve(context: Json, loaded: Mapping[str, Json]) -> Terms:
    """`loaded` has by address what each document that is named says. Raises Invalid."""
    meaning = _Meaning(loaded)
    meaning.read(context)
    own = {t: d for t, d in meaning.definitions.items() if t not in CORE_IRIS}
    iris = {t: None if d.iri is None else canonical(d.iri) for t, d in own.items()}
    prefixes = {**{t: d.iri for t, d in own.items() if d.prefix and d.iri}, **PREFIXES}
    return Terms(
        iris=iris,
        short=_inverse({t: n for t, n in iris.items() if n is not None and n not in CORE_IRIS}),
        prefixes=prefixes,
        starts=_inverse(prefixes),
        source=context,
        url=_address(context),
    )


def _address(context: Json) -> str:
    """Where one can read the same; the core context is understood and need not be there."""
    listed = context if isinstance(context, list) else [context]
    said = [part for part in listed if not is_core(part)]
    if not said:
        return CORE
    return said[0] if len(said) == 1 and isinstance(said[0], str) else ""


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    """What a name stands for to the shortest name for it, the first in the alphabet of several."""
    shortest: dict[str, str] = {}
    for name, meant in names.items():
        if meant not in shortest or _preferred(name) < _preferred(shortest[meant]):
            shortest[meant] = name
    return shortest


def _preferred(term: str) -> tuple[int, str]:
    return len(term), term


CORE_TERMS = Terms()


def _absolute(url: str, base: str) -> str:
    try:
        whole = urljoin(base, url) if base else url
    except ValueError as error:
        raise Invalid(f"@context {url[:200]!r} is no address: {error}") from error
    if not whole.startswith(("http://", "https://")):
        raise Invalid(f"@context {url[:200]!r} must be an address with http or https")
    return whole


def _too_deep() -> Invalid:
    return Invalid(f"@context nests deeper than {DEEPEST}")


class _Meaning:
    """What terms mean after the parts read so far (JSON-LD API, 4.1: the active context)."""

    def __init__(self, loaded: Mapping[str, Json]) -> None:
        self.loaded = loaded
        self.definitions: dict[str, Definition] = {}
        self.vocabulary: str | None = None

    def read(self, context: Json, base: str = "", depth: int = 0) -> None:
        if depth > DEEPEST:
            raise _too_deep()
        if context is None:
            self._forget()
        elif isinstance(context, str):
            if not is_core(context):
                url = _absolute(context, base)
                self.read(self.loaded[url], url, depth + 1)
        elif isinstance(context, list):
            for part in context:
                self.read(part, base, depth + 1)
        elif isinstance(context, dict):
            _Object(context, self).read()
        else:
            raise Invalid("@context must be an address, an object or a list of these")

    def _forget(self) -> None:
        if any(d.protected for d in self.definitions.values()):
            raise Invalid("@context: null would undo terms that are protected")
        self.definitions.clear()
        self.vocabulary = None

    def define(self, term: str, definition: Definition) -> None:
        before = self.definitions.get(term)
        if before and before.protected:
            if before.iri != definition.iri:
                raise Invalid(f"@context: {term!r} is protected and cannot be defined anew")
            definition = before
        self.definitions[term] = definition
        if len(self.definitions) > MOST_TERMS:
            raise Invalid(f"@context has more than {MOST_TERMS} terms")


class _Object:
    """One object of definitions, which may use each other in any order."""

    def __init__(self, given: Mapping[str, Json], meaning: _Meaning) -> None:
        self.given = given
        self.meaning = meaning
        self.done: set[str] = set()
        self.under_way: list[str] = []
        self.protected = given.get("@protected") is True

    def read(self) -> None:
        if "@import" in self.given:
            raise Invalid("@import is not supported; name both contexts in a list")
        if "@vocab" in self.given:
            self.meaning.vocabulary = self._vocabulary(self.given["@vocab"])
        for term in self.given:
            if not term.startswith("@"):
                self._define(term)

    def _vocabulary(self, given: Json) -> str | None:
        if given is None:
            return None
        if not isinstance(given, str) or ":" not in given:
            raise Invalid(f"@vocab must be an IRI, is {str(given)[:200]!r}")
        return self._iri(given, "")

    def _define(self, term: str) -> None:
        if term in self.done:
            return
        if term in self.under_way:
            raise Invalid(f"@context: {term!r} is defined by itself")
        if len(self.under_way) > LONGEST_CHAIN:
            raise Invalid(f"@context: {term!r} ends a chain of more than {LONGEST_CHAIN} terms")
        self.under_way.append(term)
        self.meaning.define(term, self._read(term, self.given[term]))
        self.under_way.pop()
        self.done.add(term)

    def _read(self, term: str, given: Json) -> Definition:
        definition = {"@id": given} if given is None or isinstance(given, str) else given
        if not term or not isinstance(definition, dict):
            raise Invalid(f"@context: {term[:200]!r} must be defined by an IRI or an object")
        if reshaping := [keyword for keyword in RESHAPING if keyword in definition]:
            raise Invalid(f"@context: {term!r} has {reshaping[0]}, which NGSI-LD does not allow")
        id = definition.get("@id", term)
        if id is not None and not isinstance(id, str):
            raise Invalid(f"@context: the @id of {term!r} must be a string")
        protected = definition.get("@protected", self.protected) is True
        iri = None if id is None else self._iri(id, term)
        if iri is None or iri.startswith("@"):
            return Definition(None, protected=protected)
        if ":" in term and iri != self._iri(term, term):
            raise Invalid(f"@context: {term!r} is an IRI already, and cannot mean another one")
        simple = isinstance(given, str) and iri.endswith(ENDS_PREFIX)
        prefix = simple or definition.get("@prefix") is True
        return Definition(iri, prefix and ":" not in term and "/" not in term, protected)

    def _iri(self, value: str, term: str) -> str | None:
        """`value` in full: a term, a compact IRI, an IRI, or a word of the vocabulary."""
        if value in KEYWORDS:
            return value
        if value != term and (known := self._known(value)):
            return known.iri
        prefix, colon, rest = value.partition(":")
        if not colon:
            return (self.meaning.vocabulary or DEFAULT) + value
        if prefix == "_" or rest.startswith("//"):
            return value
        start = PREFIXES.get(prefix)
        if start is None and (found := self._known(prefix)) and found.prefix:
            start = found.iri
        return value if start is None else start + rest

    def _known(self, term: str) -> Definition | None:
        if term in self.given and not term.startswith("@"):
            self._define(term)
        return self.meaning.definitions.get(term)
