"""What a camera must name before it goes live: what for, by which law, who answers for it. Pure.

Always holds: a camera that lacks any of it is not watched, and everyone reads why.
"""

from collections.abc import Iterator
from datetime import date

from townsquare.model.camera import Camera
from townsquare.trust.purposes import Purposes, refused_for_camera


def lacks(camera: Camera, known: Purposes, today: date) -> list[str]:
    """Each setting that is missing or no answer, with what to write. Empty where it may go live."""
    return [*_purposes(camera, known), *_answers(camera), *_assessment(camera, today)]


def refusal(camera: Camera, known: Purposes, today: date) -> str:
    """The same in a sentence for everyone."""
    found = lacks(camera, known, today)
    return f"it is not live: {'; '.join(found)}" if found else ""


def overdue(camera: Camera, today: date) -> bool:
    """Whether its need should have been looked at again before today."""
    return camera.review is not None and camera.review < today


def _purposes(camera: Camera, known: Purposes) -> Iterator[str]:
    if not camera.purposes:
        listed = ", ".join(purpose.name for purpose in known.purpose if purpose.cameras)
        yield f"purposes names none; choose from {listed}"
    for purpose in camera.purposes:
        if why := refused_for_camera(known, purpose):
            yield f"purposes: {why}"


def _answers(camera: Camera) -> Iterator[str]:
    if not camera.legal_basis.strip():
        yield "legal_basis is empty; name the law that permits it"
    if not camera.owner.strip():
        yield "owner is empty; name who answers for it"
    if camera.review is None:
        yield "review is missing; give the date by when its need is looked at again"


def _assessment(camera: Camera, today: date) -> Iterator[str]:
    made = camera.impact_assessment
    if made is None or not made.reference.strip():
        yield (
            "impact_assessment is missing; give reference and date of the data protection impact"
            " assessment (GDPR, article 35)"
        )
    elif made.completed > today:
        yield f"impact_assessment is of {made.completed}, which has not come yet"
