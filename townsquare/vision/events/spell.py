"""A condition over time: when it has lasted for long enough to be told, and when it is over. Pure.

It is told when it has lasted for `after_s` and held in ENOUGH of that time, so that somebody hidden
for a moment does not begin anew. It is over when it has not held for half of `after_s`, at least
2 s and at most 10 s. Time without a picture counts as time in which it did not hold.
"""

from dataclasses import dataclass, replace

ENOUGH = 0.8  # share of the last after_s
LEAST_CLEAR_S, MOST_CLEAR_S = 2.0, 10.0
SLOTS = 30  # of the last after_s; the share is known as exactly as one of them
MOST_APART_S = 2.0  # between pictures; what went on in a longer gap is not known


@dataclass(frozen=True, slots=True)
class Spell:
    """`held` are the seconds in which it held, for each slot of time."""

    since_s: float
    at_s: float  # of the last picture
    held_s: float  # when it held last
    told: bool = False
    share: float = 1.0  # of the last after_s in which it held
    held: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A spell that is told now (`until_s` is None), or is over now after it was told.
    `confidence` is the share of the last after_s in which it held, up to `until_s`.
    """

    since_s: float
    until_s: float | None
    confidence: float


def clear_s(after_s: float) -> float:
    return min(MOST_CLEAR_S, max(LEAST_CLEAR_S, after_s / 2))


def next_spell(
    spell: Spell | None, holds: bool, at_s: float, after_s: float
) -> tuple[Spell | None, Turn | None]:
    """After the picture at `at_s`: the spell if there is one, and what is to be told."""
    if spell is None:
        if not holds:
            return None, None
        spell = Spell(at_s, at_s, at_s)
    if not holds and at_s - spell.held_s >= clear_s(after_s):
        share = confidence(spell, spell.held_s, after_s)
        return None, Turn(spell.since_s, spell.held_s, share) if spell.told else None
    spell = _longer(spell, holds, at_s, after_s)
    share = confidence(spell, at_s, after_s)
    spell = replace(spell, share=share)
    if spell.told or not holds or at_s - spell.since_s < after_s or share < ENOUGH:
        return spell, None
    return replace(spell, told=True), Turn(spell.since_s, None, share)


def confidence(spell: Spell, at_s: float, after_s: float) -> float:
    """Share of the last after_s, or of the time since it began, in which it held."""
    first = max(spell.since_s, (_slot(at_s, after_s) - SLOTS + 1) * _width_s(after_s))
    if at_s <= first:
        return 1.0
    held = sum(for_s for slot, for_s in spell.held if slot > _slot(at_s, after_s) - SLOTS)
    return min(1.0, held / (at_s - first))


def _longer(spell: Spell, holds: bool, at_s: float, after_s: float) -> Spell:
    if not holds:
        return replace(spell, at_s=at_s)
    slot = _slot(at_s, after_s)
    held = dict(entry for entry in spell.held if entry[0] > slot - SLOTS)
    held[slot] = held.get(slot, 0.0) + min(at_s - spell.at_s, MOST_APART_S)
    return replace(spell, at_s=at_s, held_s=at_s, held=tuple(held.items()))


def _slot(at_s: float, after_s: float) -> int:
    return int(at_s // _width_s(after_s))


def _width_s(after_s: float) -> float:
    return max(after_s, 1.0) / SLOTS
