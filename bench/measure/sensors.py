"""Bins that tell how full they are, from a process of their own that counts what it told."""

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import httpx

EMPTY, FULL = 10, 95
PROBE = "probe"
BATCHES_PER_S = 20


@dataclass(frozen=True, slots=True)
class Told:
    """`probe`: when it became full or empty, seconds since 1970. `raised`: how often each was."""

    readings: int = 0
    late_s: float = 0.0
    probe: list[tuple[float, bool]] = field(default_factory=list)
    raised: Counter[str] = field(default_factory=Counter)


def reading(name: str, level: float, place: tuple[float, float] | None = None) -> dict[str, object]:
    type = "Siren" if name == PROBE else "Bin"
    told = {"id": f"urn:ngsi-ld:{type}:{name}", "type": type, "level": level}
    return told | ({"location": {"type": "Point", "coordinates": list(place)}} if place else {})


def tell(client: httpx.Client, told: list[dict[str, object]]) -> None:
    answer = client.post("/ngsi-ld/v1/entityOperations/upsert?options=update", json=told)
    answer.raise_for_status()


def run(url: str, per_s: int, seconds: float, busy: int, crossing_each: int) -> Told:
    """So many of `busy` bins cross their threshold in each batch, and once a second the probe."""
    each = per_s // BATCHES_PER_S
    probe: list[tuple[float, bool]] = []
    raised: Counter[str] = Counter()
    full: set[str] = set()
    readings, late_s = 0, 0.0
    with httpx.Client(base_url=url, timeout=60) as client:
        begun = time.monotonic()
        for n in count():
            due = begun + n / BATCHES_PER_S
            if due - begun >= seconds:
                break
            late_s = max(late_s, time.monotonic() - due)
            time.sleep(max(0.0, due - time.monotonic()))
            turns = range(n * crossing_each, (n + 1) * crossing_each)
            crossing = [f"busy-{turn % busy}" for turn in turns]
            crossing += [PROBE] if n % BATCHES_PER_S == 0 else []
            full.symmetric_difference_update(crossing)
            for name in full.intersection(crossing):
                raised[name] += 1
            calm = [reading(f"calm-{(n * each + k) % 2000}", 20 + n % 30) for k in range(each)]
            told = [reading(name, FULL if name in full else EMPTY) for name in crossing]
            if PROBE in crossing:
                probe.append((time.time(), PROBE in full))
            tell(client, [*told, *calm[len(told) :]])
            readings += each
    return Told(readings, late_s, probe, raised)
