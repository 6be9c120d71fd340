"""What everyone reads, in each language: nothing that has words there is left in English."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.reader import english_in, reads
from tests.unit.register.test_cameras import CAMERA, FLOW, LEASE, NOON, SPOT, SQUARE
from townsquare.model.texts import found
from townsquare.model.town import Town
from townsquare.register.cameras import card, measure
from townsquare.register.cells import Cell
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin
from townsquare.vision.clear import view
from townsquare.vision.detectors.listed import cards
from townsquare.vision.sealed import opening
from townsquare.web.languages import languages
from townsquare.web.pages import Pages
from townsquare.web.policy.meaning import extent, meaning, people
from townsquare.web.standing import NOBODY, Standing

TOWN = Town("Kleinstadt", "Europe/Berlin")
PAGES = Pages(TOWN, demo=True)
RULES = policy([FLOW, CAMERA, LEASE])
OTHERS = [tag for tag in languages() if tag != "en"]


def portal() -> str:
    hour = timedelta(hours=1)
    cells = [Cell(NOON, NOON + hour, (1200, None), 0.55, sample=True)]
    shown = card(SQUARE, [measure(SPOT, cells, [NOON], TOWN)], RULES, TOWN, NOON)
    return bytes(PAGES.page("portal.html", cameras=[shown], warnings=[]).body).decode()


def rules() -> str:
    page = PAGES.page(
        "policy.html",
        inForce=None,
        waiting=[],
        closed="",
        extent=extent,
        meaning=meaning(RULES),
        people=people(RULES),
    )
    return bytes(page.body).decode()


def models() -> str:
    return bytes(PAGES.page("models.html", models=cards()).body).decode()


def figures() -> str:
    stands = Standing(1234, datetime(2030, 6, 1, 12, tzinfo=UTC), (), NOBODY)
    page = PAGES.page(
        "figures.html",
        figures=[],
        log=stands,
        recoveries=[NOON],
        openings=[opening.Sum("2030-06", "investigation", 2, 1, 0)],
        holds=2,
        clear=[view.Sum("2030-06", "crowd safety", 1, 5)],
        drilled=NOON,
    )
    return bytes(page.body).decode()


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize("page", [portal, rules, models, figures], ids=lambda page: page.__name__)
def test_no_english_is_left(page: object, tag: str) -> None:
    assert callable(page)
    with reads(tag):
        told = page()
    assert f'<html lang="{tag}">' in told
    assert english_in(told, tag) == []


def test_the_portal_is_german_for_who_reads_german() -> None:
    with reads("de"):
        page = portal()
    for said in (
        "1 Kamera</h2>",
        "Niemand wird verfolgt.",
        "gestört",
        "seit <time",
        "1. Juni 2030, 13:30",
        "Zählungen voller Stunden: alle.",
        "Leitstellenpersonal",
        "Linie west: Personen, Stunde für Stunde",
        "1.200",
        "52,40000 N, 13,50000 O",
    ):
        assert said in page
    # What the town wrote stays as it is.
    assert "Police act, section 25" in page


def test_what_somebody_may_do_is_no_month() -> None:
    with reads("de"):
        assert '<th scope="col">Darf</th>' in rules()


def test_a_policy_is_asked_once_and_told_in_every_language() -> None:
    english = portal()
    with reads("fr"):
        assert "pleines : tout le monde." in portal().replace("\N{NO-BREAK SPACE}", " ")
    assert portal() == english


def test_names_of_the_products_own_policy_are_in_every_language() -> None:
    own = policy([FLOW, CAMERA, LEASE], builtin())
    names = [role.title for role in own.roles.values()]
    names += [*own.purposes.names, *own.purposes.meant.values()]
    for tag in OTHERS:
        with reads(tag):
            assert [one for one in names if one not in languages()[tag].texts] == []
            assert found("crowd safety") != "crowd safety"
