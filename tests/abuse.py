"""The 22 ways to abuse a city platform that trust has to answer, and what each still waits for.

Always holds: what is called met has an attempt in tests/contract/test_abuse.py, and each attempt a
twin without its control that succeeds. `python -m tests.abuse` writes the table of docs/trust.md.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- the table of abuse cases: python -m tests.abuse -->", "<!-- end of the table -->"


@dataclass(frozen=True, slots=True)
class Case:
    """`waits` says what is not met yet, and for what it waits; empty when nothing is left."""

    abuse: str
    waits: str = ""


UPDATES = "the gate for updates"
EGRESS = "the watch over what leaves"
NOISE = "publishing with thresholds and noise"

CASES: Mapping[str, Case] = {
    "A01": Case("an operator follows a person from camera to camera"),
    "A02": Case("an operator opens footage of an ex-partner's street"),
    "A03": Case(
        "a vendor's account exports footage",
        "sessions of vendors that end after an hour",
    ),
    "A04": Case(
        "a mayor wants counts of a protest with names",
        "an assembly mode with later and coarser counts",
    ),
    "A05": Case("an insider deletes or edits the log"),
    "A06": Case("an administrator shows the auditor another log"),
    "A07": Case("retention is extended silently"),
    "A08": Case("a legal hold is used as mass retention"),
    "A09": Case("an update of firmware opens a tunnel", UPDATES),
    "A10": Case("a nightly leak from the first day on", EGRESS),
    "A11": Case("a leak over DNS, NTP or ICMP", EGRESS),
    "A12": Case("a vendor switches the city off", "commands signed by the city, and drills"),
    "A13": Case("a trap in a licence or a certificate", "drills"),
    "A14": Case("somebody adds face recognition as a plug-in or as just a model"),
    "A15": Case("people are found again in open counts", NOISE),
    "A16": Case("public counts are joined with permits and private data", NOISE),
    "A17": Case("a custodian is coerced or a key stolen"),
    "A18": Case("four eyes of one person with two accounts"),
    "A19": Case("a request is changed after its approval"),
    "A20": Case("a secret camera or sensor", "the inventory of the network"),
    "A21": Case("the log becomes surveillance itself"),
    "A22": Case("a developer loosens the policy quietly"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """`attempt` fails its assertions when the abuse succeeds; `without` takes the control away."""

    case: str
    what: str
    attempt: Callable[[Any], Awaitable[None]]
    without: Callable[[pytest.MonkeyPatch], None]


class Attempts(list[Attempt]):
    def of(
        self, case: str, what: str, without: Callable[[pytest.MonkeyPatch], None]
    ) -> Callable[[Callable[[Any], Awaitable[None]]], Callable[[Any], Awaitable[None]]]:
        """Decorates an attempt at a case. `what` is read in the table: what is refused."""

        def kept(attempt: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
            self.append(Attempt(case, what, attempt, without))
            return attempt

        return kept


def table(attempts: Iterable[Attempt]) -> str:
    met: dict[str, list[str]] = {name: [] for name in CASES}
    for attempt in attempts:
        met[attempt.case].append(attempt.what)
    rows = ["| | abuse | refused, and shown by a test | waits for |", "|---|---|---|---|"]
    for name, case in CASES.items():
        rows.append(f"| {name} | {case.abuse} | {'; '.join(met[name])} | {case.waits} |")
    return "\n".join(rows)


def written(document: str, rows: str) -> str:
    """The document with this table in it. Raises ValueError where it has no place for one."""
    place = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not place.search(document):
        raise ValueError(f"no {BEGIN} in the document")
    return place.sub(lambda _: f"{BEGIN}\n\n{rows}\n\n{END}", document)


if __name__ == "__main__":
    from tests.contract.test_abuse import ATTEMPTS

    DOCUMENT.write_text(written(DOCUMENT.read_text(), table(ATTEMPTS)))
