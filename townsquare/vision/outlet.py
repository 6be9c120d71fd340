"""How a process that sees hands on what it has: by pipe, from threads that end it when they fail.

Always holds: who reads slowly gets less, and holds up nobody.
"""

import os
import queue
import threading
from collections.abc import Callable


def send(packets: "queue.Queue[bytes]", pipe: int) -> None:
    while True:
        write_all(pipe, packets.get())


def write_all(pipe: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(pipe, left) :]


def offer(packets: "queue.Queue[bytes]", packet: bytes) -> None:
    """Unless nobody takes them: what sees does not wait for who looks."""
    if not packets.full():
        packets.put(packet)


def end_with(failed: threading.ExceptHookArgs) -> None:
    """A thread that fails takes the process with it: it is better started anew than half alive."""
    threading.__excepthook__(failed)
    os._exit(1)


def begin(work: Callable[..., None], *given: object) -> None:
    threading.Thread(target=work, args=given, daemon=True).start()
