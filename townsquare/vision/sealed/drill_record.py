"""What is written of a drill of custodians. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from townsquare.model.entity import Attribute, Entity, Json, urn
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust.seal.terms import Terms
from townsquare.vision.sealed.drill_types import DRILL

LONGEST_STEP = 500  # characters


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """`done` is yes, no or skipped."""

    text: str
    done: str
    remark: str = ""

    def __post_init__(self) -> None:
        if self.done not in ("yes", "no", "skipped"):
            raise Invalid(f"a step is done: yes, no or skipped, not {self.done[:20]!r}")
        if max(len(self.text), len(self.remark)) > LONGEST_STEP:
            raise Invalid(f"a step, and its remark, have {LONGEST_STEP} characters at most")


def custodians(terms: Terms, found: Mapping[str, str]) -> list[Json]:
    return [
        {
            "name": one.name,
            "organisation": one.organisation,
            "thumbprint": one.public.thumbprint,
            "answer": found.get(one.name, "missing"),
        }
        for one in terms.custodians
    ]


def result(held: Sequence[bool], done: Sequence[str]) -> str:
    if not all(held) or "no" in done:
        return "failed"
    return "partly" if "skipped" in done else "passed"


def written(name: str, told: Mapping[str, Json]) -> Entity:
    attributes = {n: (Attribute(value),) for n, value in told.items()}
    return Entity(urn(DRILL, name), (DRILL,), attributes)


def safe(name: str) -> str:
    plain = name.removeprefix(urn(DRILL, ""))
    if not plain.isalnum():
        raise NotFound(f"{name[:60]!r} is no drill")
    return plain
