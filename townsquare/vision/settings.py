"""[vision] in townsquare.toml."""

from dataclasses import dataclass

from townsquare.model.errors import Invalid


@dataclass(frozen=True, slots=True)
class Settings:
    """`detections_per_second`: of a camera where something moves; up to twice as many are made for
    who is fast. `cameras_per_worker`: one process reads and counts that many cameras on one core.
    """

    detections_per_second: float = 5  # walkers need 3.3, cars 5; every one costs CPU
    cameras_per_worker: int = 4
    detector: str = "nanodet"  # name of a model that may be loaded; `townsquare models`

    hardware_decoding: bool = False  # by an NVIDIA card, where one is found

    def __post_init__(self) -> None:
        if not 1 <= self.detections_per_second <= 30:
            raise Invalid(
                f"detections_per_second = {self.detections_per_second} in [vision] must be"
                " from 1 to 30; 5 was measured"
            )
        if not 1 <= self.cameras_per_worker <= 64:
            raise Invalid(
                f"cameras_per_worker = {self.cameras_per_worker} in [vision] must be from 1 to 64"
            )
