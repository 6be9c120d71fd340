"""What a camera must name before it goes live (R01, R08, R17)."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.square import SQUARE
from townsquare.model.camera import Assessment
from townsquare.trust.purposes import FILE, purposes
from townsquare.trust.texts import builtin
from townsquare.vision.permit import lacks, overdue, refusal

KNOWN = purposes(builtin()[FILE])
TODAY = date(2030, 6, 1)


def test_a_camera_that_says_it_all_may_go_live() -> None:
    assert lacks(SQUARE, KNOWN, TODAY) == []
    assert refusal(SQUARE, KNOWN, TODAY) == ""


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ({"purposes": ()}, "purposes names none; choose from crowd safety, traffic management"),
        ({"purposes": ("safety",)}, "purposes: 'safety' is no purpose: nearly everything could"),
        ({"purposes": ("crowd safety", "monitoring")}, "purposes: 'monitoring' is no purpose"),
        ({"purposes": ("integration",)}, "purposes: no camera may be put up for 'integration'"),
        ({"legal_basis": " "}, "legal_basis is empty; name the law that permits it"),
        ({"owner": ""}, "owner is empty; name who answers for it"),
        ({"review": None}, "review is missing; give the date"),
        ({"impact_assessment": None}, "impact_assessment is missing; give reference and date"),
        ({"impact_assessment": Assessment(" ", TODAY)}, "impact_assessment is missing"),
        (
            {"impact_assessment": Assessment("DPIA 8", date(2030, 6, 2))},
            "impact_assessment is of 2030-06-02, which has not come yet",
        ),
    ],
)
def test_what_is_missing_is_named(without: dict[str, Any], said: str) -> None:
    (lack,) = lacks(replace(SQUARE, **without), KNOWN, TODAY)
    assert lack.startswith(said)


def test_everything_that_is_missing_is_said_at_once() -> None:
    bare = replace(SQUARE, purposes=(), legal_basis="", owner="", review=None)
    assert refusal(bare, KNOWN, TODAY).startswith("it is not live: purposes names none; choose")
    assert len(lacks(bare, KNOWN, TODAY)) == 4


def test_a_review_is_overdue_on_the_day_after_it() -> None:
    assert not overdue(replace(SQUARE, review=TODAY), TODAY)
    assert overdue(replace(SQUARE, review=date(2030, 5, 31)), TODAY)
    assert not overdue(replace(SQUARE, review=None), TODAY)
