"""[recording] in townsquare.toml: who keeps the keys to footage, and how long it can be opened."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from townsquare.model.errors import Invalid
from townsquare.trust.seal import terms
from townsquare.trust.seal.sharing import SHARES
from townsquare.trust.seal.terms import CEILING_HOURS, USUAL_HOURS, Terms

LEAST_GB = 1


@dataclass(frozen=True, slots=True)
class Custodian:
    """`key` is a file beside the settings, as `townsquare custodian keygen` prints it."""

    organisation: str
    key: str


@dataclass(frozen=True, slots=True)
class Settings:
    """[recording] in townsquare.toml. Without custodians nothing is recorded."""

    keep_hours: int = USUAL_HOURS
    reason: str = ""  # why for longer than usual
    until: date | None = None  # the last day on which the reason holds
    most_gb: int = 500  # of sealed footage on disk; over it recording stops
    custodian: tuple[Custodian, ...] = ()

    def __post_init__(self) -> None:
        if self.custodian and len(self.custodian) != SHARES:
            raise Invalid(
                f"[recording] names {len(self.custodian)} custodians; write {SHARES}"
                " [[recording.custodian]] of three organisations, or none"
            )
        if not 1 <= self.keep_hours <= CEILING_HOURS:
            raise Invalid(f"keep_hours = {self.keep_hours} must be from 1 to {CEILING_HOURS}")
        if self.most_gb < LEAST_GB:
            raise Invalid(f"most_gb = {self.most_gb} must be {LEAST_GB} or more")

    def terms(self, beside: Path) -> Terms | None:
        """None where nothing is recorded. Raises Invalid for wrong keys or retention."""
        if not self.custodian:
            return None
        named = tuple(
            terms.Custodian(one.organisation, _key(beside, one)) for one in self.custodian
        )
        found = Terms(named, self.keep_hours, self.reason, self.until)
        terms.require(found)
        return found


def _key(beside: Path, custodian: Custodian) -> str:
    file = beside / custodian.key
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"the key of custodian {custodian.organisation!r} cannot be read from {file};"
            " write what their townsquare custodian keygen printed into it"
        ) from error
