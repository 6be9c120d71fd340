"""How well and how cheaply clips are counted, beside the peers and decoding alone in one run.

    make bench-vision                       prints the tables that docs/vision.md keeps
    make bench-vision DETECTOR=NAME         with another model of `townsquare models list`

Every pipeline gets the very same boxes, so that following and counting are compared and not
detectors. Error is the sum of |counted - true| over lines, groups of classes and directions, over
all clips as they are, mirrored, brighter and darker by 40 %. Peers run in an environment of their
own (`bench/peers`). Cost is processor time of one thread.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from measure import clips
from measure.clips import ROOT, SHARED, Counts, Seen
from measure.machine import flags, machine
from measure.streams import QUIET, STREAMS, as_a_worker, cost, decoded, encoded, the_usual_way
from measure.worker import used
from rich.console import Console
from rich.table import Table

from townsquare.model.camera import Line
from townsquare.vision import detect, keeping
from townsquare.vision.boxes import GROUPS, KINDS
from townsquare.vision.detect import Detector
from townsquare.vision.evaluate import counts, watched
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched

STEPS = {10.0: 1, 5.0: 2, 3.33: 3}  # of the detections that are kept, for so many a second
PEERS = ROOT / ".venv-peers" / "bin" / "python"
OURS = "townsquare"
USUAL = "supervision + ByteTrack"  # as bench/peers calls it
MORE = 4  # cameras of a worker
RUN_S = 30.0  # of a worker


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


def accuracy(everything: Sequence[Seen]) -> tuple[Table, Table, float]:
    """Error of each pipeline and rate: in all, and by clip and version at 5 a second. And what the
    usual way of following costs a picture, in ms; ours where that is not installed.
    """
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
    usual = spent.get(USUAL, spent[OURS])
    return whole, each, sum(usual) / len(usual)


def counted_at(detector: Detector) -> Table:
    """In and out of every line as it is counted live, for the rates that may be set."""
    table = Table("clip", "line", "truth in / out", *(f"{rate:g} a second" for rate in RATES))
    for clip in clips.clips():
        runs = [live(clip.path, clip.lines, detector, rate) for rate in RATES]
        for line in clip.lines:
            truth = ways(clip.truth, line.name)
            table.add_row(clip.name, line.name, truth, *(ways(one, line.name) for one in runs))
    return table


RATES = (5.0, 10.0, 3.34, 2.5)


def live(path: Path, lines: Sequence[Line], detector: Detector, rate: float) -> Counts:
    """When and as often as a camera is looked at whose `detections_per_second` is this."""
    found: Counts = Counter()
    for crossing, n in watched(str(path), detector, rate, lines).items():
        found[crossing.line, int(GROUPS[KINDS.index(crossing.of)]), crossing.direction] += n
    return found


def ways(found: Counts, line: str) -> str:
    sums = Counter({"in": 0, "out": 0})
    for (name, _, way), n in found.items():
        sums[way] += n if name == line else 0
    return f"{sums['in']} / {sums['out']}"


# --- cost


def costs(named: Mapping[str, Detector], following_ms: float, folder: Path) -> tuple[Table, Table]:
    """Streams that one core keeps up with, and what the usual way costs; and what rest costs.

    Milliseconds of processor time, and on the clock, for a second of the stream.
    """
    busy = Table(
        *("stream", "model", "decode only, ms", "5 looks a second", "streams a core"),
        *("every picture, usual way", "times the streams"),
        title="CPU ms (wall ms) for a second of stream",
    )
    quiet = Table("stream", "model", "decode only", "counted", "looks a second", "of decode only")
    for stream in (*STREAMS, *QUIET):
        clip = encoded(stream, folder)
        decode = cost(partial(decoded, clip))
        for name, detector in named.items():
            looked = cost(partial(as_a_worker, clip, detector, adapting=stream.quiet))
            if stream.quiet:
                times = f"{looked.cpu_ms / decode.cpu_ms:.1f}"
                quiet.add_row(
                    stream.name, name, str(decode), str(looked), f"{looked.looks:.1f}", times
                )
                continue
            usual = cost(partial(the_usual_way, clip, detector))
            whole_ms = usual.cpu_ms + following_ms * stream.per_s
            busy.add_row(
                stream.name, name, str(decode), str(looked), f"{1000 / looked.cpu_ms:.1f}",
                f"{whole_ms:.0f}", f"{whole_ms / looked.cpu_ms:.1f}",
            )  # fmt: skip
    return busy, quiet


def workers(models: Path, names: Sequence[str], folder: Path) -> Table:
    """Real processes, as the house starts them."""
    table = Table(
        *("model", "stream", "start, s (CPU s)", "memory of 1 camera, MB", "of each more, MB")
    )
    for name in names:
        settings = Settings(detector=name, cameras_per_worker=MORE)
        for stream in STREAMS:
            clip = str(encoded(stream, folder))
            one, more = (
                asyncio.run(used([a_camera(clip, n) for n in range(many)], settings, models, RUN_S))
                for many in (1, MORE)
            )
            table.add_row(
                name, stream.name, f"{one.started_s:.1f} ({one.started_cpu_s:.1f})",
                f"{one.memory_mb:.0f}", f"{(more.memory_mb - one.memory_mb) / (MORE - 1):.0f}",
            )  # fmt: skip
    return table


def a_camera(clip: str, n: int) -> Watched:
    return Watched(f"camera-{n}", clip, ("person",), (), ())


def small(folder: Path) -> Iterator[str]:
    """The model that the goals are for, where its files are."""
    files = [SHARED / "models" / f"pvb-2004-FP16-INT8.{end}" for end in ("xml", "bin")]
    if all(file.is_file() for file in files):
        for card in keeping.add(files, folder):
            yield card.model.name


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else detect.DEFAULT
    models = Path(os.environ["MODELS"]) if "MODELS" in os.environ else None
    detector = detect.opened(name, models)
    console = Console(width=150)
    runtime = f"{name} by {detector.graph.runtime}, CPU flags {flags()}"
    if not PEERS.exists():
        console.print("peers are not installed: make bench-vision installs them")
    console.print(counted_at(detector))
    everything = [one for clip in clips.clips() for one in clips.seen(clip, detector)]
    whole, each, following_ms = accuracy(everything)
    console.print(whole, each)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        names = list(small(folder / "models"))
        named = {name: detector} | {one: detect.opened(one, folder / "models") for one in names}
        console.print(*costs(named, following_ms, folder))
        console.print(
            workers(models or folder / "models", [name, *([] if models else names)], folder)
        )
        runtime += "".join(f"; {one} by {named[one].graph.runtime}" for one in names)
    console.print(machine(runtime), soft_wrap=True)


if __name__ == "__main__":
    main()
