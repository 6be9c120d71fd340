"""Everything Townsquare raises on purpose.

TownsquareError
├── Invalid             the input is wrong            -> 400, exit 2
│   ├── InvalidRequest  not even readable             -> 400
│   ├── TooComplex      more than the server answers  -> 403
│   │   └── TooManyResults
│   └── ContextNotAvailable  an @context is missing   -> 504
├── NotSupported        this server does not do that  -> 422
├── Denied              policy says no                -> 403
│   └── NotApproved     and others may agree to it    -> 403
├── NotFound            no such thing, or hidden      -> 404
│   ├── NonexistentTenant
│   └── NotFoundAnywhere
├── Conflict            it is no longer as you think  -> 409
│   └── AlreadyExists
├── Looping             it came back to where it was  -> 508
├── Unavailable         not now, try again            -> 503 with Retry-After
│   └── TooOften        you tried too often           -> 429 with Retry-After
└── CannotStart         the place it would run in is wrong -> exit 2

The message tells an operator what happened, to which thing, and what to do next.
Only `web`, the `api` modules it mounts, and `cli` turn these into status and exit codes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType


class TownsquareError(Exception):
    """Base class. The message is written for the person who will read it; `members` are what a
    program needs of it, beside those of every problem.
    """

    members: Mapping[str, object] = MappingProxyType({})


class Invalid(TownsquareError):
    pass


class InvalidRequest(Invalid):
    """Not JSON, no body, a parameter that the operation does not have or cannot read."""


class TooComplex(Invalid):
    pass


class TooManyResults(TooComplex):
    pass


class ContextNotAvailable(Invalid):
    pass


class NotSupported(TownsquareError):
    pass


class Denied(TownsquareError):
    pass


class NotApproved(Denied):
    """It would be done with an approval, and there is somebody who could give that."""


class NotFound(TownsquareError):
    pass


class NonexistentTenant(NotFound):
    pass


class NotFoundAnywhere(NotFound):
    """`warnings` tell of context sources that might have had it, and could not be asked."""

    def __init__(self, message: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.warnings = warnings


class Conflict(TownsquareError):
    pass


class AlreadyExists(Conflict):
    pass


class Looping(TownsquareError):
    """A request that brokers pass on has been here before."""


class Unavailable(TownsquareError):
    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooOften(Unavailable):
    pass


class CannotStart(TownsquareError):
    pass


def named(name: str) -> type[TownsquareError]:
    """The class of an error that was kept by its name."""
    return _by_name()[name]


@cache
def _by_name() -> dict[str, type[TownsquareError]]:
    found: list[type[TownsquareError]] = [TownsquareError]
    for kind in found:
        found += kind.__subclasses__()
    return {kind.__name__: kind for kind in found}
