"""Somebody who reads in another language."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

from townsquare.model.texts import reading
from townsquare.web.languages import languages

WORD = re.compile(r"[^\W\d_]{3,}")


@contextmanager
def reads(tag: str) -> Iterator[None]:
    before = reading.set(languages()[tag])
    try:
        yield
    finally:
        reading.reset(before)


def english_in(page: str, tag: str) -> list[str]:
    """Texts that stand between tags of the page in English, though this language has them."""
    texts = languages()[tag].texts
    told = {one for one in texts.values() if isinstance(one, str)}
    shown = {unescape(part).strip() for part in re.findall(r">([^<>]+)<", page)}
    return sorted(one for one in shown if WORD.search(one) and one not in told and one in texts)
