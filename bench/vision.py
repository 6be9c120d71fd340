"""How well and how cheaply the clips are counted, beside decoding alone in the same run.

    make bench-vision                prints the tables that docs/vision.md keeps

Cost is processor time of one thread. The demo's clip is in the repository; clips with vehicles
are used where `../shared/data` has them. Truth: crossings that people checked.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from townsquare.model.camera import Line
from townsquare.vision.boxes import Boxes
from townsquare.vision.detect import Detector, opened
from townsquare.vision.evaluate import boxes_of, counts
from townsquare.vision.read import pictures
from townsquare.vision.settings import Settings

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
RATES = (Settings().detections_per_second, 10.0, 3.34, 2.5)


@dataclass(frozen=True, slots=True)
class Clip:
    """`truth` by line: in and out, over all classes."""

    name: str
    path: Path
    lines: tuple[Line, ...]
    truth: dict[str, tuple[int, int]]


def clips() -> list[Clip]:
    west = Line("west", (300, 170), (300, 345))
    found = [Clip("square", ROOT / "demo" / "square.mp4", (west,), {"west": (15, 12)})]
    if (SHARED / "groundtruth.json").is_file():
        truths = json.loads((SHARED / "groundtruth.json").read_text())
        found += [shared(name, truths[name]) for name in ("car-detection.mp4", "ot_Cars-Truck.mp4")]
    return found


def shared(name: str, truth: dict[str, Any]) -> Clip:
    lines = tuple(Line(t["name"], (t["x1"], t["y1"]), (t["x2"], t["y2"])) for t in truth["lines"])
    by_line = {}
    for line, classes in truth["counts"].items():
        directions = list(classes.values())
        by_line[line] = (sum(d["in"] for d in directions), sum(d["out"] for d in directions))
    return Clip(name, SHARED / "videos" / name, lines, by_line)


def counted(seen: Sequence[tuple[float, Boxes]], lines: Sequence[Line]) -> dict[str, list[int]]:
    found = {line.name: [0, 0] for line in lines}
    for crossing, n in counts(seen, lines).items():
        found[crossing.line][crossing.direction == "out"] += n
    return found


def cpu_ms(work: Callable[[], int]) -> tuple[float, int]:
    """Per picture, and pictures."""
    start, n = time.process_time(), work()
    return (time.process_time() - start) * 1000 / max(n, 1), n


def main() -> None:
    detector = opened()
    table = Table("clip", "line", "truth in / out", *(f"{rate:g} a second" for rate in RATES))
    for clip in clips():
        runs = [
            counted(list(boxes_of(str(clip.path), detector, rate)), clip.lines) for rate in RATES
        ]
        for line in clip.lines:
            cells = ["{} / {}".format(*run[line.name]) for run in runs]
            table.add_row(clip.name, line.name, "{} / {}".format(*clip.truth[line.name]), *cells)
    Console(width=110).print(table)
    Console(width=110).print(costs(detector))


def costs(detector: Detector) -> Table:
    table = Table(
        "clip", "pictures", "decode, ms", "decode + count, ms a picture analysed", "ratio"
    )
    for clip in clips():
        decode, n = cpu_ms(partial(decoded, clip))
        whole, _ = cpu_ms(partial(analysed, clip, detector))
        ratio = f"{whole / decode:.1f}"
        table.add_row(clip.name, str(n), f"{decode:.2f}", f"{whole:.2f}", ratio)
    return table


def decoded(clip: Clip) -> int:
    return sum(1 for _ in pictures(str(clip.path)))


def analysed(clip: Clip, detector: Detector) -> int:
    seen = list(boxes_of(str(clip.path), detector, 1000))
    counts(seen, clip.lines)
    return len(seen)


if __name__ == "__main__":
    main()
