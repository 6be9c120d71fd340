"""The order of text for people (ETSI GS CIM 009, clause 4.23.3; Unicode TR 10; RFC 6067).

A key compares first by letters, then by accents, then by case, as the Unicode Collation
Algorithm does: spaces, signs, digits, letters. It is made from the Unicode database that Python
has, not from the table of weights (DUCET), so scripts follow each other as they do in Unicode.
Languages whose alphabet differs from that order are refused, never sorted wrongly.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from townsquare.model.errors import Invalid

# Languages that sort as the root does (CLDR has no rules of their own for them).
AS_ROOT = frozenset(
    {"und", "root", "en", "de", "fr", "it", "nl", "pt", "ca", "ga", "id", "lb", "ms", "sw"}
)
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LONGEST_TAG = 80
_PHONEBOOK = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_CLASSES = {"Z": 0, "C": 0, "P": 1, "S": 2, "N": 3, "L": 4, "M": 4}


@dataclass(frozen=True, slots=True)
class Collation:
    """`level` 1 compares letters only, 2 accents too, 3 case too."""

    level: int = 3
    phonebook: bool = False  # German: ä as ae
    numeric: bool = False  # 2 before 10
    case_first: Literal["lower", "upper"] = "lower"


ROOT = Collation()


@lru_cache(maxsize=256)
def read_collation(tag: str) -> Collation:
    """Raises Invalid for what is no collation, or one that is not known here."""
    if not tag:
        return ROOT
    if len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag):
        raise Invalid(f"collation {tag[:80]!r} is no ICU collation such as und or de-u-co-phonebk")
    place, _, extension = tag.lower().partition("-u-")
    language = place.split("-")[0]
    if language not in AS_ROOT:
        raise Invalid(f"collation {tag!r}: {language!r} has an order of its own; use und")
    return Collation(
        level=_level(tag, extension),
        phonebook=_option(tag, extension, "co", ("standard", "phonebk")) == "phonebk",
        numeric=_option(tag, extension, "kn", ("false", "true", "")) in ("true", ""),
        case_first="upper"
        if _option(tag, extension, "kf", ("false", "lower", "upper")) == "upper"
        else "lower",
    )


def _level(tag: str, extension: str) -> int:
    known = ("level3", "level1", "level2", "level4", "identic")
    strength = _option(tag, extension, "ks", known)
    return {"level1": 1, "level2": 2}.get(strength, 3)


def _option(tag: str, extension: str, key: str, known: tuple[str, ...]) -> str:
    """The value of a key of the extension; the first known one where it is not there."""
    words = extension.split("-")
    if key not in words:
        return known[0]
    following = words[words.index(key) + 1 :]
    value = following[0] if following and len(following[0]) > 2 else ""
    if value not in known:
        raise Invalid(f"collation {tag!r}: {key} {value!r} is not known; use {', '.join(known)}")
    return value


def sort_key(text: str, collation: Collation = ROOT) -> str:
    """Text whose code points compare as `text` does."""
    if collation.phonebook:
        text = text.translate(_PHONEBOOK)
    letters, accents, cases = [], [], []
    for character in unicodedata.normalize("NFKD", text):
        if unicodedata.combining(character):
            accents.append(character)
            continue
        folded = character.casefold()
        letters.append(f"{_CLASSES[unicodedata.category(character)[0]]}{folded}")
        accents.append("\x02")
        upper = character != folded
        cases.append("1" if upper != (collation.case_first == "upper") else "0")
    primary = "".join(letters)
    if collation.numeric:
        primary = _numbered(primary)
    return "\x01".join((primary, "".join(accents), "".join(cases))[: collation.level])


def _numbered(primary: str) -> str:
    """Runs of digits by their number: its length, then itself."""

    def numbered(run: re.Match[str]) -> str:
        digits = run.group()[1::2].lstrip("0") or "0"
        return f"3{len(digits):05d}{digits}"

    return re.sub(r"(?:3\d)+", numbered, primary)
