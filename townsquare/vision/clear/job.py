"""What the process of a clear view is given, on its standard input."""

from msgspec import Struct

from townsquare.vision.wire import Watched


class Job(Struct, frozen=True):
    """`seconds` is how long it lives at most."""

    camera: Watched
    seconds: float
