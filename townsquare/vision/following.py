"""When looking from camera to camera becomes following somebody. Pure."""

from collections.abc import Iterable

from townsquare.model.camera import Camera
from townsquare.model.geometry import EARTH

NEAR_M = 1000.0  # somebody on foot is at the next camera within the time that a lease runs
MOST = 3  # cameras on one path


def follows(asked: Camera, looked_at: Iterable[Camera]) -> bool:
    """Whether this camera makes a path of more than MOST, each near another one of it."""
    path, left = [asked], [camera for camera in looked_at if camera.name != asked.name]
    for here in path:  # which grows
        path += [camera for camera in left if _near(here, camera)]
        left = [camera for camera in left if not _near(here, camera)]
    return len(path) > MOST


def _near(a: Camera, b: Camera) -> bool:
    _, _, metres = EARTH.inv(a.position.lon, a.position.lat, b.position.lon, b.position.lat)
    return bool(metres <= NEAR_M)
