"""Purposes: what is on the list, and what is told to those who try something else."""

import pytest

from townsquare.model.errors import Invalid
from townsquare.trust.purposes import FILE, purposes, refused, refused_for_camera

TEXT = """
[[purpose]]
name = "crowd safety"
title = "Crowd safety"
meant = "notice when a place gets dangerously full"
cameras = true

[[purpose]]
name = "integration"
title = "Integration"
meant = "connect devices"

[[vague]]
words = ["safety", "public safety"]
why = "nearly everything could be called that"
"""
KNOWN = purposes(TEXT)


@pytest.mark.parametrize("name", ["crowd safety", "integration"])
def test_what_is_on_the_list_is_a_purpose(name: str) -> None:
    assert refused(KNOWN, name) == ""


@pytest.mark.parametrize("name", ["safety", "Safety", " public  safety "])
def test_a_word_that_says_nothing_is_refused_with_the_reason_and_the_choice(name: str) -> None:
    told = refused(KNOWN, name)
    assert "nearly everything could be called that" in told
    assert "crowd safety (to notice when a place gets dangerously full)" in told


def test_another_purpose_is_refused_with_the_choice() -> None:
    assert refused(KNOWN, "marketing") == (
        "'marketing' is no purpose of this town; choose one: crowd safety (to notice when a place"
        " gets dangerously full), integration (to connect devices)"
    )


def test_what_somebody_gave_is_told_in_part_only() -> None:
    assert "x" * 61 not in refused(KNOWN, "x" * 1000)


def test_a_camera_is_put_up_for_some_purposes_only() -> None:
    assert refused_for_camera(KNOWN, "crowd safety") == ""
    assert "no camera may be put up for 'integration'" in refused_for_camera(KNOWN, "integration")
    assert "nearly everything" in refused_for_camera(KNOWN, "safety")
    assert "integration" not in refused_for_camera(KNOWN, "safety")


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ('[[purpose]]\nname = "integration"\ntitle = "I"\nmeant = "x"', "two purposes have"),
        ('[[vague]]\nwords = ["integration"]\nwhy = "x"', "cannot be a purpose and too vague"),
        ('[[purpose]]\nname = "x"', f"{FILE} line"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(added: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        purposes(TEXT + added)
