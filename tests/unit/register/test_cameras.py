"""The answers on a camera's card follow the policy: change it, and they change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs

from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.model.town import Town
from townsquare.register.cameras import Recorded, card, measure, questions
from townsquare.register.cells import Cell, Spot
from townsquare.trust.policy import Policy, policy

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
TODAY = date(2030, 6, 1)
BERLIN = Town(timezone="Europe/Berlin")
FLOW = EntityType(
    "CrowdFlowObserved",
    owner="vision",
    readers=frozenset({"operator", "engineer"}),
    retention=timedelta(days=30),
    published=frozenset({"peopleCount"}),
)
CAMERA = EntityType(
    "Camera", owner="vision", readers=frozenset({"operator"}), published_everywhere=True
)
LEASE = EntityType(
    "PreviewLease",
    owner="vision",
    readers=frozenset({"operator"}),
    commanders=frozenset({"operator"}),
)
SQUARE = Entity(
    "urn:ngsi-ld:Camera:square",
    ("Camera",),
    {
        name: (Attribute(value),)
        for name, value in {
            "cameraName": "Market square",
            "location": {"type": "Point", "coordinates": [13.5, 52.4]},
            "purpose": ["crowd safety"],
            "legalBasis": "Police act, section 25",
            "owner": "Public order office",
            "reviewDate": "2031-03-01",
            "impactAssessment": "DPIA 7",
            "impactAssessmentDate": "2030-01-02",
            "status": "failing",
            "statusSince": "2030-06-01T11:30:00Z",
            "trouble": "The camera does not answer.",
        }.items()
    },
)
SPOT = Spot("square", "west", "line", ("to the west", "to the east"))


def answers(*types: EntityType, today: date = TODAY) -> dict[str, str]:
    return dict(questions(SQUARE, _policy(*types), today))


def _policy(*types: EntityType) -> Policy:
    return policy(types or [FLOW, CAMERA, LEASE])


def test_the_four_questions_are_answered() -> None:
    assert answers() == {
        "How is it stored?": "No picture is stored: the machine that reads the camera turns"
        " pictures into counts and forgets them. Values of this moment replace each other and"
        " leave no history. What is stored are numbers of people over 5 minutes.",
        "Who can access it?": "Counts of full hours: everyone. Counts of 5 minutes: Operator,"
        " Engineer, Emergency access. Values of this moment: Operator, Emergency access. A drawing"
        " of the empty place with shapes where people are: Operator, Emergency access. The"
        " camera's picture: nobody.",
        "How is it used?": "For crowd safety, to notice when a place gets dangerously full."
        " Legal basis: Police act, section 25. Public order office answers for it."
        " Its need will be looked at again by 1 March 2031.",
        "For how long?": "Pictures: not at all. Values of this moment: until the next one."
        " Counts of 5 minutes: 30 days. Published counts of full hours: without end, since they"
        " say how many, never who.",
    }


@pytest.mark.parametrize(
    ("flow", "question", "part"),
    [
        (
            replace(FLOW, retention=timedelta(days=7)),
            "For how long?",
            "Counts of 5 minutes: 7 days",
        ),
        (replace(FLOW, history=False), "For how long?", "Counts of 5 minutes: not kept."),
        (
            replace(FLOW, readers=frozenset({"security"})),
            "Who can access it?",
            "5 minutes: Security engineer. Values of this moment: nobody.",
        ),
        (
            replace(FLOW, published=frozenset()),
            "Who can access it?",
            "Counts of full hours: Operator, Engineer, Emergency access.",
        ),
    ],
)
def test_the_answers_follow_the_policy(flow: EntityType, question: str, part: str) -> None:
    assert part in answers(flow, CAMERA, LEASE)[question]


def test_where_footage_is_recorded_it_says_so_and_who_opens_it() -> None:
    kept = Recorded(72, ("Police", "Court", "Data office"))
    said = dict(questions(SQUARE, _policy(), TODAY, kept))
    assert "No picture is stored" not in said["How is it stored?"]
    assert "sealed: nobody opens it alone" in said["How is it stored?"]
    assert "for one case: Police, Court, Data office." in said["How is it stored?"]
    assert said["For how long?"].startswith("Pictures: 72 hours, then the keys are destroyed")


def test_a_card_says_so_of_the_cameras_that_are_recorded_only() -> None:
    kept = Recorded(72, ("Police", "Court", "Data office"))
    filmed = structs.replace(
        SQUARE, attributes={**SQUARE.attributes, "recorded": (Attribute(True),)}
    )
    for camera, stored in ((SQUARE, "No picture is stored"), (filmed, "recorded and sealed")):
        made = card(camera, [], _policy(), BERLIN, NOON, kept)
        assert stored in dict(made.questions)["How is it stored?"]


def test_where_a_camera_can_be_seen_as_it_is_it_says_by_whom() -> None:
    clear = EntityType("ClearView", owner="vision", readers=frozenset({"operator"}))
    said = answers(FLOW, CAMERA, LEASE, clear)["Who can access it?"]
    assert "picture: one operator for an hour at most, when people of two other" in said


def test_an_overdue_review_is_said() -> None:
    said = answers(today=date(2031, 3, 2))["How is it used?"]
    assert said.endswith("by 1 March 2031; this review is overdue.")
    assert "overdue" not in answers(today=date(2031, 3, 1))["How is it used?"]


def test_a_card_says_what_is_overdue_and_what_nobody_named() -> None:
    late = card(SQUARE, [], _policy(), BERLIN, datetime(2031, 3, 2, tzinfo=UTC))
    assert (late.overdue, late.assessment) == (True, ("DPIA 7", date(2030, 1, 2)))
    kept = ("cameraName", "location", "status")
    bare = Entity(SQUARE.id, SQUARE.types, {n: SQUARE.attributes[n] for n in kept})
    shown = card(bare, [], _policy(), BERLIN, NOON)
    assert (shown.purposes, shown.owner, shown.review) == ((), "", None)
    assert (shown.overdue, shown.assessment) == (False, None)
    assert dict(shown.questions)["How is it used?"] == (
        "For no named purpose. Legal basis: none is named. Nobody answers for it. Nobody has said"
        " when its need will be looked at again."
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ()),
        ({"countsOnly": False, "maskCount": 0}, ()),
        ({"countsOnly": True}, ("Counts only: no picture is ever made.",)),
        (
            {"maskCount": 1},
            ("1 part of the picture is blacked out before anything looks at it.",),
        ),
        (
            {"maskCount": 3},
            ("3 parts of the picture are blacked out before anything looks at it.",),
        ),
    ],
)
def test_a_card_says_what_is_never_seen(values: dict[str, bool | int], said: tuple[str]) -> None:
    more = {name: (Attribute(value),) for name, value in values.items()}
    camera = structs.replace(SQUARE, attributes={**SQUARE.attributes, **more})
    shown = card(camera, [], _policy(), BERLIN, NOON)
    assert shown.hidden == said
    nobody = (
        "where people are: nobody, since none is ever made."
        in dict(shown.questions)["Who can access it?"]
    )
    assert nobody is bool(values.get("countsOnly"))


def test_a_card_is_in_town_time() -> None:
    shown = card(SQUARE, [], _policy(), BERLIN, NOON)
    assert (shown.name, shown.title, shown.place) == ("square", "Market square", (13.5, 52.4))
    assert (shown.status, shown.trouble) == ("failing", "The camera does not answer.")
    assert str(shown.status_since) == "2030-06-01 13:30:00+02:00"
    assert str(shown.next_cell_at) == "2030-06-01 14:01:30+02:00"
    assert not shown.sample


def test_an_hour_that_was_not_counted_is_a_gap_not_a_zero() -> None:
    hour = timedelta(hours=1)
    hours = [NOON + hour * n for n in range(4)]
    cells = [Cell(h, h + hour, (5, 3), 1.0) for h in (hours[1], hours[3])]
    shown = measure(SPOT, cells, hours, BERLIN)
    assert (shown.title, shown.unit, shown.columns) == (
        "Line west",
        "people",
        ("to the west", "to the east"),
    )
    assert [(c.since.hour, c.values, c.coverage) for c in shown.cells] == [
        (15, (5, 3), 1.0),
        (16, (None, None), 0),
        (17, (5, 3), 1.0),
    ]
