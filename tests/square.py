"""The camera that tests set up."""

from datetime import date

from townsquare.model.camera import Assessment, Camera, Line, Zone
from townsquare.model.position import Position

SQUARE = Camera(
    name="square",
    title="Market square",
    url="square.mp4",
    position=Position(13.5, 52.4),
    purposes=("crowd safety",),
    legal_basis="Police act",
    owner="Public order office",
    review=date(2031, 3, 1),
    impact_assessment=Assessment("DPIA 7", date(2024, 2, 1)),
    lines=(Line("west", (0, 0), (0, 9), "to the west", "to the east"),),
    zones=(Zone("plaza", ((0, 0), (9, 0), (9, 9))),),
)
