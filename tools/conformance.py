"""Run the ETSI NGSI-LD test suite against this broker, and keep the table in docs/conformance.md.

    SUITE_DIR=checkout make conformance            prints the table
    SUITE_DIR=checkout make conformance KEEP=yes   writes it into docs/conformance.md too

`SUITE_DIR` is a checkout of the suite and `RUNNER` the script that runs it without the internet.
Two brokers with a store each share the groups. Official tests lie in files of ETSI's suite, the
others in files that a fork of it added; both numbers are reported, with the suite's commit.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "conformance.md"
RUNNER = ROOT.parent / "shared" / "tools" / "ngsild" / "run_suite.sh"
COMMIT = "5da9091"
PORTS = (9190, 9191)
START_S = 60.0
BEGIN, END = "<!-- table: make conformance KEEP=yes -->", "<!-- end of table -->"
NAMES = {"core": "one broker", "distributed": "distributed"}
SUBSETS = {"official": "official", "ext": "extension"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test of the suite."""

    group: str
    subset: str
    folder: str
    name: str
    passed: bool
    message: str


def main() -> int:
    runner = Path(os.environ.get("RUNNER", RUNNER))
    if not os.environ.get("SUITE_DIR") or not runner.is_file():
        print(
            "Set SUITE_DIR to a checkout of the public repository marek-mraz/ngsi-ld-test-suite"
            f" at commit {COMMIT}, and RUNNER to the script that runs it ({runner} is not there"
            " or SUITE_DIR is not set).",
            file=sys.stderr,
        )
        return 2
    outcomes = [o for group in NAMES for subset in SUBSETS for o in run(runner, group, subset)]
    table = written(outcomes)
    print(table)
    for outcome in outcomes:
        if not outcome.passed:
            print(f"{outcome.name}: {outcome.message}")
    if os.environ.get("KEEP"):
        keep(table)
    return 0


def run(runner: Path, group: str, subset: str) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder, brokers(Path(folder)) as urls:
        out = Path(folder) / "out"
        environment = {**os.environ, "SUBSET": subset, "NOTIF_WAIT": "5", "NO_NOTIF_WAIT": "2"}
        subprocess.run([str(runner), ",".join(urls), str(out), group], env=environment, check=True)
        found = json.loads((out / "results.json").read_text())
    return [
        Outcome(
            group,
            subset,
            folder_of(test["file"]),
            test["test"],
            test["status"] == "PASS",
            " ".join(str(test.get("message") or test["status"]).split())[:200],
        )
        for test in found
    ]


@contextlib.contextmanager
def brokers(folder: Path) -> Iterator[list[str]]:
    """Fresh ones, each with a store of its own on disk."""
    started = []
    try:
        for port in PORTS:
            command = [sys.executable, "-m", "townsquare.cli", "run", "--open"]
            command += ["--data", str(folder / str(port)), "--port", str(port)]
            with (folder / f"{port}.log").open("w") as log:
                started.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))
        urls = [f"http://localhost:{port}/ngsi-ld/v1" for port in PORTS]
        for url in urls:
            wait_for(f"{url}/types")
        yield urls
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)


def wait_for(url: str) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            httpx.get(url, timeout=5, trust_env=False)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def folder_of(file: str) -> str:
    """`ContextInformation/Provision/Entities` of a test's path in the suite."""
    parts = Path(file).parts
    below = parts[parts.index("NGSI-LD") + 1 : -1]
    return "/".join(below[:3])


def written(outcomes: list[Outcome]) -> str:
    all_of = Counter((o.group, o.folder, o.subset) for o in outcomes)
    passed = Counter((o.group, o.folder, o.subset) for o in outcomes if o.passed)
    lines = ["| | official | extension |", "|---|---:|---:|"]
    for group, name in NAMES.items():
        folders = sorted({o.folder for o in outcomes if o.group == group})
        lines += [row(f, [(group, f, s) for s in SUBSETS], passed, all_of) for f in folders]
        lines.append(total(f"**{name}**", [o for o in outcomes if o.group == group]))
    return "\n".join(lines)


Cell = tuple[str, str, str]


def row(name: str, cells: list[Cell], passed: Counter[Cell], all_of: Counter[Cell]) -> str:
    shown = [f"{passed[c]} of {all_of[c]}" if all_of[c] else "" for c in cells]
    return f"| {name} | {' | '.join(shown)} |"


def total(name: str, outcomes: list[Outcome]) -> str:
    shown = []
    for subset in SUBSETS:
        some = [o for o in outcomes if o.subset == subset]
        good = sum(o.passed for o in some)
        share = f" ({100 * good / len(some):.1f} %)" if some else ""
        shown.append(f"**{good} of {len(some)}**{share}")
    return f"| {name} | {' | '.join(shown)} |"


def keep(table: str) -> None:
    text = PAGE.read_text()
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    block = f"{BEGIN}\n{table}\n{END}"
    PAGE.write_text(re.sub(pattern, lambda _: block, text, flags=re.DOTALL))
    print(f"written into {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    if shutil.which("bash") is None:
        sys.exit("the suite's runner needs bash")
    sys.exit(main())
