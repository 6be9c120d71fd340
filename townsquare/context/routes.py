"""Which operation a method and a path mean."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from townsquare.context.http import Answer, Refused, Request, refuse_method
from townsquare.model.errors import Invalid
from townsquare.trust.policy import Act

Run = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Guarded:
    """An operation that `act` must be granted for before the body is looked at; with `governed`
    who governs the accounts needs no grant, and finds what is somebody else's.
    """

    run: Run
    act: Act
    governed: bool = False


# Path pattern, with `*` for an id or a name, to method to operation.
Routes = Mapping[str, Mapping[str, Run | Guarded]]


def write(run: Run) -> Guarded:
    return Guarded(run, "write")


def watch(run: Run) -> Guarded:
    return Guarded(run, "watch")


class Router:
    """Operations of all doors. A path part that is spelt out goes before `*`."""

    def __init__(self, *doors: Routes) -> None:
        self._methods: dict[tuple[str, ...], dict[str, Run | Guarded]] = {}
        for routes in doors:
            for pattern, methods in routes.items():
                self._methods.setdefault(tuple(pattern.split("/")), {}).update(methods)
        self._steps = {
            pattern[:length] for pattern in self._methods for length in range(1, len(pattern) + 1)
        }

    def doors(self) -> Iterator[tuple[str, str]]:
        """Method and path pattern of every operation."""
        for pattern, methods in self._methods.items():
            yield from ((method, "/".join(pattern)) for method in methods)

    def chosen(self, request: Request) -> Run | Guarded:
        """Raises Refused 404 or 405, Invalid where an entity's id is left out (clause 5.6.17)."""
        pattern = self._pattern(request.path)
        methods = self._methods.get(pattern)
        if methods is None:
            raise Refused(404, f"there is nothing at {'/'.join(request.path)[:200]!r}")
        if request.method not in methods:
            if pattern == ("entities",) and request.method in ("PATCH", "PUT"):
                raise Invalid(f"the id is missing: {request.method} changes one of a collection")
            refuse_method(request.method, list(methods))
        return methods[request.method]

    def _pattern(self, path: tuple[str, ...]) -> tuple[str, ...]:
        found: tuple[str, ...] = ()
        for part in path:
            spelt = (*found, part)
            found = spelt if spelt in self._steps else (*found, "*")
        return found
