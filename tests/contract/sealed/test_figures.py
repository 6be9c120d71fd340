"""What everyone reads of opened footage: numbers by month."""

from townsquare.model.entity import Attribute, Entity, urn
from townsquare.vision.sealed.custody_types import OPENING
from townsquare.vision.sealed.opening import sums


def one(at: str, status: str, emergency: int = 0) -> Entity:
    told = {"openedAt": at, "status": status, "emergency": emergency}
    attributes = {name: (Attribute(value),) for name, value in told.items()}
    return Entity(urn(OPENING, at), (OPENING,), attributes)


def test_openings_refusals_and_emergencies_are_counted_by_month() -> None:
    found = sums(
        [
            one("2030-05-31T23:59:00Z", "ended"),
            one("2030-06-01T10:00:00Z", "agreed", 1),
            one("2030-06-02T10:00:00Z", "delivered"),
            one("2030-06-03T10:00:00Z", "refused"),
            one("2030-06-04T10:00:00Z", "refused", 1),
        ]
    )
    assert [(s.month, s.opened, s.refused, s.emergencies) for s in found] == [
        ("2030-06", 2, 2, 1),
        ("2030-05", 1, 0, 0),
    ]
