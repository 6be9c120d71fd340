"""The query language: what each text means, and where a wrong one is wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.context.language import parse
from townsquare.context.query import All, Any, Condition, Linked, Query, Term
from townsquare.model.errors import Invalid, TooComplex
from townsquare.model.moment import Moment
from townsquare.store.conditions import Path, Range

A, B, C = (Term(Path(name)) for name in "abc")
OBSERVED = Path("a", member="observedAt")


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("a", A),
        ("a;b|c", Any((All((A, B)), C))),
        ("a;(b|c)", All((A, Any((B, C))))),
        ("a==1", Term(Path("a"), "==", (1.0,))),
        ('a=="1"', Term(Path("a"), "==", ("1",))),
        ("a==true", Term(Path("a"), "==", (True,))),
        ("a==1..5,9", Term(Path("a"), "==", (Range(1.0, 5.0), 9.0))),
        ("a.b.c>2.5", Term(Path("a", ("b", "c")), ">", (2.5,))),
        ("a[x.y]<=-3", Term(Path("a", (), ("x", "y")), "<=", (-3.0,))),
        ("a~=^b.*d$", Term(Path("a"), "~=", ("^b.*d$",))),
        ("a==urn:ngsi-ld:Road:1", Term(Path("a"), "==", ("urn:ngsi-ld:Road:1",))),
        (
            "a>2030-06-01T12:00:00Z",
            Term(Path("a"), ">", (Moment("dateTime", "2030-06-01T12:00:00.000000"),)),
        ),
        ("a.observedAt<12:30:00Z", Term(OBSERVED, "<", (Moment("time", "12:30:00.000000"),))),
        ('a.observedAt=="2030-06-01"', Term(OBSERVED, "==", (Moment("date", "2030-06-01"),))),
        ("modifiedAt", Term(Path("", member="modifiedAt"))),
        ("a[*]!=x", Term(Path("a", (), ("*",)), "!=", ("x",))),
        ("a~=(b|c);d", All((Term(Path("a"), "~=", ("(b|c)",)), Term(Path("d"))))),
        ("a~=x|b", Any((Term(Path("a"), "~=", ("x",)), B))),
        ("a{b}", Linked(Path("a"), B)),
        ("a{T:b}>1", Linked(Path("a"), Term(Path("b"), ">", (1.0,)), ("T",))),
        ("a{T,S:b}", Linked(Path("a"), B, ("T", "S"))),
        ("a{b{c}}", Linked(Path("a"), Linked(Path("b"), C))),
        ("a ; b", All((A, B))),
        (r'a=="say \"hi\""', Term(Path("a"), "==", ('say "hi"',))),
    ],
)
def test_parse(q: str, expected: Condition) -> None:
    assert parse(q) == expected


@pytest.mark.parametrize(
    ("q", "character"),
    [
        *(("", 1), ("a>", 3), (";a", 1), ("a;;b", 3), ("(a", 3), ("a)", 2), ("a==1..", 7)),
        *(("a[x", 4), ("a>1..2", 6), ("a==1..b", 4), ("a==true..false", 4), ("a<1,2", 5)),
        *(("a{b", 4), ("a{}", 3), ("a{b}}", 5), ("a.", 1), ("a~=", 4), ("a[]", 3), ("a=b", 2)),
    ],
)
def test_a_wrong_q_says_where(q: str, character: int) -> None:
    with pytest.raises(Invalid, match=f"character {character}:"):
        parse(q)


def test_a_long_q_is_refused() -> None:
    with pytest.raises(TooComplex):
        parse(";".join("a" * 65))


@pytest.mark.parametrize(
    "q",
    ["(" * 17 + "a" + ")" * 17, "a{" * 11 + "b" + "}" * 11, "a" * 5000, "a==" + "1," * 70 + "1"],
)
def test_a_q_that_asks_too_much_is_refused(q: str) -> None:
    with pytest.raises(TooComplex):
        parse(q)


def test_values_are_expanded_where_that_is_asked() -> None:
    names = {"a": "A", "b": "B", "red": "RED"}
    assert parse("a==red;b==red", lambda n: names[n], {"A"}) == All(
        (Term(Path("A"), "==", ("RED",), words=True), Term(Path("B"), "==", ("red",)))
    )


@given(st.text(alphabet='ab1T:-Z.;|()[]{}*=!<>~," \\%é', max_size=40))
def test_any_text_is_understood_or_refused(q: str) -> None:
    with contextlib.suppress(Invalid):  # anything else that is raised fails the test
        assert parse(q) is not None


def test_a_nested_q_is_bounded() -> None:
    with pytest.raises(TooComplex):
        parse("(" * 1000 + "a" + ")" * 1000)


@pytest.mark.parametrize(("limit", "offset"), [(-1, 0), (0, 0), (5, -1)])
def test_a_page_must_make_sense(limit: int, offset: int) -> None:
    with pytest.raises(Invalid):
        Query(limit=limit, offset=offset)
