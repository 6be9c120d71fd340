"""The process that counts one recording: `python -m townsquare.vision.recordings.worker`.

Its order comes on standard input, what it counts goes out on standard output. It decodes what
strangers may have made, so it gives up what it does not need first, as a live worker does.
"""

import os
import sys
from collections.abc import Iterator

from townsquare.model.errors import CannotStart, Invalid
from townsquare.vision import cards
from townsquare.vision.recordings import parts
from townsquare.vision.recordings.parts import Done, Failed, Order, Said
from townsquare.vision.sandbox import confine
from townsquare.vision.trouble import NoPictures, sentence


def main() -> None:
    order = parts.order(sys.stdin.buffer.readline())
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no part
    looked_up, devices = cards.reached(decodes=False)
    models = [order.models] if order.models else []
    confine([order.url, *models, *looked_up], devices)
    for message in said(order):
        os.write(out, parts.line(message))


def said(order: Order) -> Iterator[Said]:
    # Not above: threads that these start as they are loaded would not be confined.
    from townsquare.vision.recordings import counting

    try:
        yield from counting.counted(order)
        yield Done()
    except NoPictures as error:
        yield Failed(sentence(error.trouble, order.url))
    except (CannotStart, Invalid) as error:
        yield Failed(str(error))


if __name__ == "__main__":
    main()
