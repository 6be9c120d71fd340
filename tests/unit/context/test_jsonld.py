"""Names in and out of a context, compared with a JSON-LD processor where both have a say."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld as processor

from townsquare.context.core import CORE, CORE_IRIS, CORE_URLS, DEFAULT, NGSI_LD, VERSIONS
from townsquare.context.jsonld import CORE_TERMS, Terms, canonical, references, resolve
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

DOCUMENTS = Path(os.environ.get("CTX_DIR", "../shared/data/ngsi-ld-contexts"))
# Given up in a later version, or mapped to what is no IRI by mistake.
GIVEN_UP = {"VocabularyProperty", "geometryProperty", "objectsLists"}
NO_IRI = {"attributeCount", "attributeDetails"}

M = "https://m.example/"
LOADED: dict[str, Json] = {
    "https://c.example/1": {"Road": M + "Road", "m": M},
    "https://c.example/2": ["https://c.example/1", {"Lane": "m:Lane"}],
    "https://c.example/near": "1",
    "https://c.example/loop": "https://c.example/loop",
}
# context, term, its IRI
MEANINGS: list[tuple[Json, str, str]] = [
    ([], "anything", DEFAULT + "anything"),
    ([], DEFAULT + "anything", DEFAULT + "anything"),
    ([], "location", NGSI_LD + "location"),
    ([], "value", NGSI_LD + "hasValue"),
    ([], "description", "http://purl.org/dc/terms/description"),
    ([], "ngsi-ld:location", NGSI_LD + "location"),
    ([], "ngsi-ld:unheardOf", NGSI_LD + "unheardOf"),
    ([], "geojson:Point", "https://purl.org/geojson/vocab#Point"),
    ([], M + "Road", M + "Road"),
    ([], "urn:x:Road", "urn:x:Road"),
    ({"Road": M + "Road"}, "Road", M + "Road"),
    ({"m": M, "Road": "m:Road"}, "Road", M + "Road"),
    ({"Road": "m:Road", "m": M}, "Road", M + "Road"),
    ({"m": M}, "m:Lane", M + "Lane"),
    ({"m": M, "n": "m:n/"}, "n:Lane", M + "n/Lane"),
    ({"m": "https://m.example/x"}, "m:Lane", "m:Lane"),
    ({"m": {"@id": "https://m.example/x", "@prefix": True}}, "m:Lane", "https://m.example/xLane"),
    ({"m": {"@id": M}}, "m:Lane", "m:Lane"),
    ({"m": M}, "m://x", "m://x"),
    ({"Road": {"@id": M + "Road", "@type": "@id"}}, "Road", M + "Road"),
    ({"at": {"@id": M + "at", "@type": NGSI_LD + "DateTime"}}, "at", M + "at"),
    ({"m": M, "m:Road": {"@type": "@id"}}, "m:Road", M + "Road"),
    ({"Road": "Street", "Street": M + "Street"}, "Road", M + "Street"),
    ({"@vocab": "https://v.example/", "Road": "Street"}, "Road", "https://v.example/Street"),
    ({"@vocab": "https://v.example/", "Road": {"@type": "@id"}}, "Road", "https://v.example/Road"),
    ({"@vocab": "https://v.example/"}, "Road", DEFAULT + "Road"),
    ([{"@vocab": "https://v.example/"}, {"Road": "R"}], "Road", "https://v.example/R"),
    ({"location": M + "place"}, "location", NGSI_LD + "location"),
    ({"ngsi-ld": M}, "ngsi-ld:x", NGSI_LD + "x"),
    ("https://c.example/1", "Road", M + "Road"),
    ("https://c.example/2", "Lane", M + "Lane"),
    ("https://c.example/near", "Road", M + "Road"),
    (["https://c.example/1", CORE], "Road", M + "Road"),
    (["https://c.example/1", {"Road": M + "R"}], "Road", M + "R"),
    (["https://c.example/1", {"Lane": "m:Lane"}], "Lane", M + "Lane"),
    (["https://c.example/1", None, {"Lane": M + "Lane"}], "Road", DEFAULT + "Road"),
    ({"id": "@id", "type": "@type", "Road": M + "Road"}, "Road", M + "Road"),
]
# context, IRI, what an answer in this context calls it
WORDS: list[tuple[Json, str, str]] = [
    ([], DEFAULT + "anything", "anything"),
    ([], NGSI_LD + "location", "location"),
    ([], M + "Road", M + "Road"),
    ([], NGSI_LD + "unheardOf", "ngsi-ld:unheardOf"),
    ([], DEFAULT + "location", "ngsi-ld:default-context/location"),
    ({"Strasse": M + "Road"}, M + "Road", "Strasse"),
    ({"m": M}, M + "Road", "m:Road"),
    ({"m": M, "n": M + "n/"}, M + "n/a", "n:a"),
    ({"m": M, "mm": M}, M + "Road", "m:Road"),
    ([{"m:Road": {"@id": "m:Road"}}, {"m": M}], M + "Road", M + "Road"),
    ({"m": {"@id": M}}, M + "Road", M + "Road"),
    ({"Way": M + "Road", "Road": M + "Road", "Via": M + "Road"}, M + "Road", "Via"),
    ({"Road": M + "Road"}, DEFAULT + "Road", "ngsi-ld:default-context/Road"),
    ({"Road": DEFAULT + "Way"}, DEFAULT + "Way", "Road"),
    ({"@vocab": M}, M + "Road", M + "Road"),
]


def documents(url: str, options: Any) -> dict[str, Any]:
    core = {"@vocab": DEFAULT, "@protected": True, "@version": 1.1, **CORE_IRIS}
    context = core if url in CORE_URLS else LOADED[url]
    return {"document": {"@context": context}, "documentUrl": url, "contextUrl": None}


def with_core(context: Json) -> list[Json]:
    return [*(context if isinstance(context, list) else [context]), CORE]


@pytest.mark.parametrize(("context", "name", "iri"), MEANINGS)
def test_a_name_means_what_json_ld_says(context: Json, name: str, iri: str) -> None:
    given = resolve(context, LOADED)
    assert given.expand(name) == canonical(iri)
    assert given.expand(given.compact(canonical(iri))) == canonical(iri)
    node = {"@id": "urn:x", "@context": with_core(context), name: {"@value": 1}}
    expanded = processor.expand(node, {"documentLoader": documents})
    assert iri in expanded[0]


@pytest.mark.parametrize(("context", "iri", "word"), WORDS)
def test_an_answer_has_the_words_that_json_ld_chooses(context: Json, iri: str, word: str) -> None:
    assert resolve(context, LOADED).compact(canonical(iri)) == word
    node = [{"@id": "urn:x", iri: [{"@id": "urn:y"}]}]
    compacted = processor.compact(node, with_core(context), {"documentLoader": documents})
    assert word in compacted


def test_a_core_term_is_rendered_as_itself_whatever_the_user_calls_it() -> None:
    given = resolve({"ort": NGSI_LD + "location"}, {})
    assert (given.expand("ort"), given.compact("location")) == ("location", "location")


@pytest.mark.parametrize(
    ("context", "part"),
    [
        ({"Road": {"@id": M + "Road", "@context": {"location": M + "l"}}}, "@context"),
        ({"Road": {"@reverse": M + "Road"}}, "@reverse"),
        ({"@import": "https://c.example/1"}, "@import"),
        ({"a": "b:x", "b": "a:y"}, "by itself"),
        ({"m": M, "m:Road": M + "Track"}, "an IRI already"),
        ({"@vocab": "words"}, "@vocab"),
        ({"Road": 5}, "IRI or an object"),
        ({"Road": {"@id": 5}}, "must be a string"),
        ([{"@protected": True, "Road": M + "Road"}, {"Road": M + "R"}], "protected"),
        ([{"@protected": True, "Road": M + "Road"}, None], "protected"),
        (42, "must be an address"),
        (["https://c.example/1", 7], "must be an address"),
        ("nowhere", "http or https"),
        ("https://c.example/loop", "deeper"),
        ({f"t{n}": M for n in range(50_001)}, "more than 50000"),
        ({f"t{n}": f"t{n + 1}:x" for n in range(100)}, "chain"),
    ],
)
def test_a_context_that_could_reshape_an_entity_is_refused(context: Json, part: str) -> None:
    with pytest.raises(Invalid, match=part):
        resolve(context, LOADED)


@pytest.mark.parametrize("context", [{"secret": None}, {"secret": "@value"}])
def test_a_term_that_is_set_to_nothing_is_no_name(context: Json) -> None:
    given = resolve(context, {})
    with pytest.raises(Invalid, match="no name"):
        given.expand("secret")
    assert given.expand(given.compact("secret")) == "secret"


def test_references_leave_out_the_core_context() -> None:
    context = ["https://c.example/1", CORE, {"a": "b"}, ["sub/2"]]
    assert list(references(context, "https://d.example/x/")) == [
        "https://c.example/1",
        "https://d.example/x/sub/2",
    ]


def test_a_context_that_never_ends_is_refused() -> None:
    with pytest.raises(Invalid, match="deeper"):
        list(references([[[[[[[]]]]]]]))


def test_core_terms_are_the_default() -> None:
    assert Terms() == CORE_TERMS
    assert CORE_TERMS.compact(M + "Road") == M + "Road"


NAMES = st.text("abcdefghij", min_size=1, max_size=3)
IRIS = st.builds("https://{}.example/{}{}".format, NAMES, NAMES, st.sampled_from(["", "/", "#"]))


@given(st.dictionaries(NAMES, IRIS, max_size=6), st.one_of(NAMES, IRIS))
def test_what_goes_out_comes_in_again(context: dict[str, str], name: str) -> None:
    terms = resolve(context, {})
    meant = terms.expand(name)
    assert terms.expand(terms.compact(meant)) == meant


@pytest.mark.parametrize("version", VERSIONS)
def test_the_core_table_is_that_of_the_published_contexts(version: str) -> None:
    document = DOCUMENTS / f"ngsi-ld-core-context-v{version}.jsonld"
    if not document.exists():
        pytest.skip("the published contexts are not here")
    published = json.loads(document.read_text())["@context"]
    terms = {}
    for term, definition in published.items():
        if not term.startswith("@"):
            id = definition["@id"] if isinstance(definition, dict) else definition
            prefix, _, rest = id.partition(":")
            terms[term] = CORE_IRIS[prefix] + rest if prefix in ("ngsi-ld", "geojson") else id
    assert published["@vocab"] == DEFAULT
    known = {t: i for t, i in terms.items() if t not in GIVEN_UP | NO_IRI}
    assert {t: CORE_IRIS.get(t) for t in known} == known
    if version == VERSIONS[-1]:
        assert known.keys() | NO_IRI == CORE_IRIS.keys()
