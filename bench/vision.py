"""How well and how cheaply clips are counted, beside the peers and decoding alone in one run.

    make bench-vision                       prints the tables that docs/vision.md keeps
    make bench-vision DETECTOR=NAME         with another model of `townsquare models list`

Every pipeline gets the very same boxes, so that following and counting are compared and not
detectors. Error is the sum of |counted - true| over lines, groups of classes and directions, over
all clips as they are, mirrored, brighter and darker by 40 %. Peers run in an environment of their
own (`bench/peers`). Cost is processor time of one thread.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from measure import clips
from measure.clips import ROOT, Counts, Seen
from measure.machine import flags, machine
from rich.console import Console
from rich.table import Table

from townsquare.model.camera import Line
from townsquare.vision import detect
from townsquare.vision.boxes import GROUPS, KINDS
from townsquare.vision.detect import Detector
from townsquare.vision.evaluate import counts
from townsquare.vision.read import pictures, thinned
from townsquare.vision.scene import Scene, after

STEPS = {10.0: 1, 5.0: 2, 3.33: 3}  # of the detections that are kept, for so many a second
PEERS = ROOT / ".venv-peers" / "bin" / "python"
OURS = "townsquare"
STREAMS = ((640, 360, 10), (1920, 1080, 25))  # width, height, pictures a second
STREAM_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    counts: Counts
    ms: float  # of following and counting a picture


def ours(one: Seen, step: int) -> Answer:
    began = time.process_time()
    found: Counts = Counter()
    for crossing, n in counts(one.every(step), one.lines).items():
        found[crossing.line, int(GROUPS[KINDS.index(crossing.of)]), crossing.direction] += n
    spent_ms = (time.process_time() - began) * 1000
    return Answer(found, spent_ms / max(len(one.every(step)), 1))


def peers(one: Seen, step: int) -> dict[str, Answer]:
    question = {
        "lines": [(line.name, line.a, line.b) for line in one.lines],
        "pictures": [
            [
                [*corners, score, int(GROUPS[kind])]
                for corners, score, kind in zip(
                    boxes.corners.tolist(), boxes.scores.tolist(), boxes.kinds, strict=True
                )
            ]
            for _, boxes in one.every(step)
        ],
    }
    done = subprocess.run(
        [PEERS, str(ROOT / "bench" / "peers" / "count.py")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    return {
        name: Answer(Counter({(line, g, way): n for line, g, way, n in one["counts"]}), one["ms"])
        for name, one in said.items()
    }


def error(found: Counts, truth: Counts) -> int:
    return sum(abs(found[key] - truth[key]) for key in found.keys() | truth.keys())


def accuracy(everything: Sequence[Seen]) -> tuple[Table, Table]:
    """Error of each pipeline and rate: in all, and by clip and version at 5 a second."""
    errors: defaultdict[tuple[str, float], int] = defaultdict(int)
    by_clip: dict[tuple[str, str], dict[str, int]] = {}
    spent: defaultdict[str, list[float]] = defaultdict(list)
    for one in everything:
        for rate, step in STEPS.items():
            answers = {OURS: ours(one, step)} | (peers(one, step) if PEERS.exists() else {})
            for name, answer in answers.items():
                wrong = error(answer.counts, one.truth)
                errors[name, rate] += wrong
                spent[name].append(answer.ms)
                if rate == 5.0:
                    by_clip.setdefault((one.clip, one.version), {})[name] = wrong
    names = list(spent)
    there = sum(one.truth.total() for one in everything)
    whole = Table("pipeline", *(f"error at {rate:g} a second" for rate in STEPS), "ms a picture",
                  title=f"{there} crossings")  # fmt: skip
    for name in names:
        ms = sum(spent[name]) / len(spent[name])
        whole.add_row(name, *(str(errors[name, rate]) for rate in STEPS), f"{ms:.2f}")
    each = Table("clip", "version", *(f"{name}, error at 5 a second" for name in names))
    for (clip, version), found in by_clip.items():
        each.add_row(clip, version, *(str(found[name]) for name in names))
    return whole, each


def counted_at(detector: Detector) -> Table:
    """In and out of every line as it is counted live, for the rates that may be set."""
    table = Table("clip", "line", "truth in / out", *(f"{rate:g} a second" for rate in RATES))
    for clip in clips.clips():
        runs = [run(clip.path, clip.lines, detector, rate) for rate in RATES]
        for line in clip.lines:
            truth = ways(clip.truth, line.name)
            table.add_row(clip.name, line.name, truth, *(ways(one, line.name) for one in runs))
    return table


RATES = (5.0, 10.0, 3.34, 2.5)


def run(path: Path, lines: Sequence[Line], detector: Detector, rate: float) -> Counts:
    found: Counts = Counter()
    seen = (
        (picture.at_s, detector.detect(picture.frame))
        for picture, wanted in thinned(pictures(str(path)), rate)
        if wanted
    )
    for crossing, n in counts(list(seen), lines).items():
        found[crossing.line, int(GROUPS[KINDS.index(crossing.of)]), crossing.direction] += n
    return found


def ways(found: Counts, line: str) -> str:
    sums = Counter({"in": 0, "out": 0})
    for (name, _, way), n in found.items():
        sums[way] += n if name == line else 0
    return f"{sums['in']} / {sums['out']}"


# --- cost


def cpu_s(work: Callable[[], int]) -> tuple[float, int]:
    """Of this thread, and how often it was done."""
    began, n = time.thread_time(), work()
    return time.thread_time() - began, max(n, 1)


def costs(detector: Detector) -> Table:
    """Streams that one core keeps up with, and what the usual way of looking at each costs."""
    table = Table(
        *("stream", "decode only, ms/s", "at 5 a second, ms/s", "streams a core"),
        *("every picture, ms/s", "times the streams", "of decode only"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for width, height, per_s in STREAMS:
            clip = scaled(Path(folder), width, height, per_s)
            decode, looked, usual = (
                cpu_s(partial(work, clip, detector))[0] * 1000 / STREAM_S
                for work in (decoded, five_a_second, every_picture)
            )
            table.add_row(
                f"{width} x {height} at {per_s}", f"{decode:.0f}", f"{looked:.0f}",
                f"{1000 / looked:.1f}", f"{usual:.0f}", f"{usual / looked:.1f}",
                f"{looked / decode:.1f}",
            )  # fmt: skip
    return table


def scaled(folder: Path, width: int, height: int, per_s: int) -> Path:
    """The demo's clip in another size and rate, as a camera would send it: H.264, no B-pictures."""
    path = folder / f"{width}.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=per_s)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23", "bf": "0", "g": str(2 * per_s)}
        for n, frame in enumerate(repeated(per_s)):
            small = frame.reformat(width, height, "yuv420p")
            small.pts, small.time_base = n, Fraction(1, per_s)
            out.mux(stream.encode(small))
        out.mux(stream.encode(None))
    return path


def repeated(per_s: int) -> Iterator[av.VideoFrame]:
    """Pictures of the demo's clip for `STREAM_S`, each as often as the rate needs."""
    shown = 0
    for picture in pictures(str(ROOT / "demo" / "square.mp4")):
        while shown <= picture.at_s * per_s and shown < STREAM_S * per_s:
            shown += 1
            yield picture.frame
        if shown >= STREAM_S * per_s:
            return


def decoded(clip: Path, _: Detector) -> int:
    return sum(1 for _ in pictures(str(clip)))


def five_a_second(clip: Path, detector: Detector) -> int:
    return looked(clip, detector, 5.0)


def every_picture(clip: Path, detector: Detector) -> int:
    return looked(clip, detector, 1000.0)


def looked(clip: Path, detector: Detector, per_s: float) -> int:
    scene, n = Scene(), 0
    for picture, wanted in thinned(pictures(str(clip)), per_s):
        if wanted:
            n += 1
            scene, _ = after(scene, detector.detect(picture.frame), picture.at_s, ())
    return n


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else detect.DEFAULT
    models = Path(os.environ["MODELS"]) if "MODELS" in os.environ else None
    detector = detect.opened(name, models)
    console = Console(width=150)
    runtime = f"{name} by {detector.graph.runtime}, CPU flags {flags()}"
    console.print(machine(runtime), soft_wrap=True)
    if not PEERS.exists():
        console.print("peers are not installed: make bench-vision installs them")
    console.print(counted_at(detector))
    everything = [one for clip in clips.clips() for one in clips.seen(clip, detector)]
    for table in (*accuracy(everything), costs(detector)):
        console.print(table)


if __name__ == "__main__":
    main()
