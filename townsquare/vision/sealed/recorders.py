"""The house's side of a recorder: started with public keys only, heard, and ended.

Always holds: what it says of a camera, a time or a word that is not its own ends it.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass

from townsquare.model.errors import Invalid, Unavailable
from townsquare.vision.child import left, piped, reader, spawned
from townsquare.vision.inbox import now
from townsquare.vision.sealed import recorded
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.recorded import Kept, Renew, Said, Task


@dataclass(slots=True)
class Recorder:
    """One child process, while it lives. `asked` to end: then that it ends is no trouble."""

    child: asyncio.subprocess.Process
    says: asyncio.StreamReader
    asked: bool = False

    def renew(self, order: Renew) -> None:
        if self.child.stdin is not None and not self.child.stdin.is_closing():
            self.child.stdin.write(recorded.line(order))

    async def end(self) -> None:
        """What it began is sealed and listed when this returns, unless it hangs."""
        self.asked = True
        await left(self.child)


async def started(task: Task) -> Recorder:
    heard, says = os.pipe()
    child = await spawned(
        [sys.executable, "-B", "-m", "townsquare.vision.recorder", str(says)], says
    )
    recorder = Recorder(child, await reader(heard))
    piped(child.stdin).write(recorded.line(task))
    return recorder


async def said(recorder: Recorder, cameras: Set[str]) -> AsyncIterator[Said]:
    """Until it ends. Raises Invalid for what it cannot say, Unavailable where it just ended."""
    while True:
        try:
            line = await recorder.says.readuntil()
        except asyncio.IncompleteReadError:
            break
        except asyncio.LimitOverrunError as error:
            raise Invalid("a recorder said something longer than anything it can say") from error
        found = recorded.heard(line)
        recorded.require_of_now(found, now())
        if found.camera not in cameras:
            raise Invalid("a recorder spoke of a camera that is not its own")
        if isinstance(found, Kept) and found.hour != hour_of(found.since):
            raise Invalid("a recorder put a segment into an hour that is not its own")
        yield found
    await left(recorder.child)
    if not recorder.asked:
        raise Unavailable(
            f"the recorder of {', '.join(sorted(cameras))} ended ({recorder.child.returncode})"
        )
