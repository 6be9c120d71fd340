"""Names and @context (JSON-LD 1.1; ETSI GS CIM 009, clause 5.5.7).

A context is resolved once into a flat table of terms; no request runs a JSON-LD processor.
The core context is built in, protected and last: no other context can change its terms.
Terms that no context knows belong to the default context and stay as they are (the canonical
form that `model.entity` describes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
CORE_PREFIX = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
DEFAULT = NGSI_LD + "default-context/"
DEEPEST = 5  # contexts that name contexts that name …


@dataclass(frozen=True, slots=True)
class Terms:
    """What a context says. `source` is what answers are labelled with."""

    iris: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)
    source: Json = CORE

    def expand(self, name: str) -> str:
        """Canonical form of a name in this context."""
        if name in self.iris:
            return self.iris[name]
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.iris and not rest.startswith("//"):
            return _canonical(self.iris[prefix] + rest)
        return _canonical(name)

    def compact(self, name: str) -> str:
        return self.short.get(name, name)


CORE_TERMS = Terms()


def terms(iris: Mapping[str, str], source: Json) -> Terms:
    return Terms(iris, {iri: term for term, iri in iris.items()}, source)


def references(context: Json, depth: int = 0) -> list[str]:
    """URLs that a context names and that are not the core context. Raises Invalid."""
    if depth > DEEPEST:
        raise Invalid(f"@context nests deeper than {DEEPEST}")
    if isinstance(context, str):
        return [] if context.startswith(CORE_PREFIX) else [context]
    if isinstance(context, list):
        return [url for part in context for url in references(part, depth + 1)]
    return []


def table(context: Json, loaded: Mapping[str, Json], depth: int = 0) -> dict[str, str]:
    """Term to canonical name, later parts winning. `loaded` has the documents by URL."""
    if depth > DEEPEST:
        raise Invalid(f"@context nests deeper than {DEEPEST}")
    if isinstance(context, str):
        if context.startswith(CORE_PREFIX):
            return {}
        document = loaded[context]
        inner = document.get("@context", {}) if isinstance(document, dict) else document
        return table(inner, loaded, depth + 1)
    if isinstance(context, list):
        merged: dict[str, str] = {}
        for part in context:
            merged |= table(part, loaded, depth + 1)
        return merged
    if not isinstance(context, dict):
        raise Invalid("@context must be an address, an object or a list of these")
    return _definitions(context)


def _definitions(context: Mapping[str, Json]) -> dict[str, str]:
    raw: dict[str, str] = {}
    for term, definition in context.items():
        iri = definition.get("@id") if isinstance(definition, dict) else definition
        if isinstance(iri, str) and not term.startswith("@"):
            raw[term] = iri
    vocabulary = context.get("@vocab")
    return {term: _canonical(_resolved(iri, raw, vocabulary)) for term, iri in raw.items()}


def _resolved(iri: str, raw: Mapping[str, str], vocabulary: Json) -> str:
    """A compact IRI (`prefix:rest`) in full; prefixes may use prefixes."""
    for _ in range(DEEPEST):
        prefix, colon, rest = iri.partition(":")
        if not colon or rest.startswith("//") or prefix not in raw or raw[prefix] == iri:
            break
        iri = raw[prefix] + rest
    if ":" not in iri and isinstance(vocabulary, str):
        return vocabulary + iri
    return iri


def _canonical(iri: str) -> str:
    if iri.startswith(DEFAULT):
        return iri.removeprefix(DEFAULT)
    core = iri.removeprefix(NGSI_LD)
    return core if core != iri and "/" not in core else iri
