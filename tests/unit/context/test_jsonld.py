"""Names in and out of a context."""

import pytest

from townsquare.context.jsonld import CORE, CORE_TERMS, Terms, references, table, terms
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

LOADED: dict[str, Json] = {"https://c.example/1": {"@context": {"Road": "https://m.example/Road"}}}


@pytest.mark.parametrize(
    ("context", "name", "expected"),
    [
        ([], "anything", "anything"),
        ([], "https://uri.etsi.org/ngsi-ld/default-context/anything", "anything"),
        ([], "https://uri.etsi.org/ngsi-ld/location", "location"),
        ([], "https://m.example/Road", "https://m.example/Road"),
        ({"Road": "https://m.example/Road"}, "Road", "https://m.example/Road"),
        ({"m": "https://m.example/", "Road": "m:Road"}, "Road", "https://m.example/Road"),
        ({"m": "https://m.example/"}, "m:Lane", "https://m.example/Lane"),
        (
            {"Road": {"@id": "https://m.example/Road", "@type": "@id"}},
            "Road",
            "https://m.example/Road",
        ),
        ({"@vocab": "https://v.example/", "Road": "Street"}, "Road", "https://v.example/Street"),
        (["https://c.example/1", CORE], "Road", "https://m.example/Road"),
        (["https://c.example/1", {"Road": "https://n.example/R"}], "Road", "https://n.example/R"),
    ],
)
def test_expand_and_compact(context: Json, name: str, expected: str) -> None:
    given = terms(table(context, LOADED), context)
    assert given.expand(name) == expected
    assert given.expand(given.compact(expected)) == expected


def test_an_answer_uses_the_askers_words() -> None:
    asker = terms({"Strasse": "https://m.example/Road"}, "https://c.example/de")
    assert asker.compact("https://m.example/Road") == "Strasse"
    assert CORE_TERMS.compact("https://m.example/Road") == "https://m.example/Road"


def test_references_leave_out_the_core_context() -> None:
    assert references(["https://c.example/1", CORE, {"a": "b"}]) == ["https://c.example/1"]


def test_a_context_that_never_ends_is_refused() -> None:
    loops: dict[str, Json] = {"https://l.example": {"@context": "https://l.example"}}
    with pytest.raises(Invalid, match="deeper"):
        table("https://l.example", loops)


def test_core_terms_are_the_default() -> None:
    assert Terms() == CORE_TERMS
