"""Which boxes are left of what the model says."""

import numpy as np
import pytest

from townsquare.vision.boxes import KINDS, Boxes, distinct, found_in, overlaps, without_riders


def boxes(*given: tuple[str, float, tuple[int, int, int, int]]) -> Boxes:
    names: list[str] = list(KINDS)
    return Boxes(
        np.array([corners for *_, corners in given], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in given], np.float32),
        np.array([names.index(kind) for kind, *_ in given], np.intp),
    )


def kinds(found: Boxes) -> list[str]:
    return [KINDS[kind] for kind in found.kinds]


def test_overlap_by_hand() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert overlaps(a, b)[0] == pytest.approx([1, 50 / 150, 0])


def test_one_thing_gets_one_box_even_when_it_may_be_car_or_truck() -> None:
    found = boxes(("car", 0.6, (0, 0, 100, 50)), ("truck", 0.5, (2, 0, 102, 50)))
    assert kinds(distinct(found)) == ["car"]


def test_a_cab_is_part_of_its_lorry_and_two_people_are_two() -> None:
    lorry, cab = (0, 0, 200, 100), (140, 10, 200, 100)
    assert kinds(distinct(boxes(("truck", 0.6, lorry), ("car", 0.5, cab)))) == ["truck"]
    assert len(distinct(boxes(("person", 0.6, lorry), ("person", 0.5, cab)))) == 2


def test_car_or_truck_is_surer_than_either() -> None:
    scores = np.array([[0, 0, 0, 0.3, 0, 0.2, 0]], np.float32).T
    found = found_in(scores, np.array([[0, 0, 10, 10]], np.float32).T)
    assert kinds(found) == ["car"]
    assert found.scores.tolist() == pytest.approx([1 - 0.7 * 0.8])


def test_a_person_before_a_car_stays() -> None:
    found = boxes(("car", 0.6, (0, 0, 40, 50)), ("person", 0.5, (0, 0, 38, 50)))
    assert kinds(distinct(found)) == ["car", "person"]


def test_a_rider_is_part_of_the_bicycle_and_a_walker_beside_it_is_not() -> None:
    found = boxes(
        ("bicycle", 0.6, (0, 50, 100, 100)),
        ("person", 0.6, (30, 0, 70, 90)),
        ("person", 0.6, (120, 0, 160, 100)),
    )
    assert kinds(without_riders(found)) == ["bicycle", "person"]


def test_best_first_and_nothing_below_the_least_score() -> None:
    scores = np.zeros((7, 3), np.float32)
    scores[0] = [0.3, 0.9, 0.1]
    corners = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [90, 90, 99, 99]], np.float32).T
    found = found_in(scores, corners)
    assert found.scores.tolist() == pytest.approx([0.9, 0.3])
    assert found.corners[0].tolist() == [50, 50, 60, 60]


def test_a_picture_without_road_users_has_no_boxes() -> None:
    assert len(found_in(np.zeros((7, 3), np.float32), np.zeros((4, 3), np.float32))) == 0
