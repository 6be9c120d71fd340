"""The latest news in memory: durable readers that keep up need not read the outbox again.

Always holds: what is answered is what the outbox has. Where a number is missing between the
news, or they do not reach back so far, nothing is answered and the outbox must be read.
"""

from bisect import bisect_right
from collections.abc import Sequence

from townsquare.model.change import Changed

MOST = 4000  # in memory, some 5 kB each; a commit of 16 batches of 100 fits more than twice


class Recent:
    def __init__(self) -> None:
        self._news: list[Changed] = []

    def add(self, news: Sequence[Changed]) -> None:
        self._news += news[-MOST:]
        if len(self._news) > 2 * MOST:
            del self._news[:-MOST]

    def after(self, seq: int, limit: int) -> list[Changed] | None:
        """News behind `seq` in commit order; None where the outbox has to be asked."""
        start = bisect_right(self._news, seq, key=_seq)
        found = self._news[start : start + limit]
        if found:
            whole = found[0].seq == seq + 1 and found[-1].seq == seq + len(found)
            return found if whole else None
        return [] if self._news and self._news[-1].seq == seq else None


def _seq(changed: Changed) -> int:
    return changed.seq
