"""townsquare.toml as a whole, and where the town runs. Each room keeps its part beside its code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from townsquare.alerts import boxes
from townsquare.alerts.asking import check
from townsquare.alerts.notify import settings as calling
from townsquare.app.messages import settings as telling
from townsquare.context import outgoing as out
from townsquare.devices import settings as listening
from townsquare.devices import types as device_types
from townsquare.devices.kinds import kinds
from townsquare.model.camera import Camera
from townsquare.model.errors import Invalid
from townsquare.model.rule import Rule
from townsquare.model.settings import parse
from townsquare.model.town import Town
from townsquare.trust import secret
from townsquare.trust.identity import provider as identity_provider
from townsquare.vision import rules as vision_rules
from townsquare.vision import run as seeing
from townsquare.vision.sealed import rules as sealing_rules
from townsquare.vision.sealed import settings as sealing
from townsquare.web import app as site
from townsquare.web import basemap, notary
from townsquare.web.approvals import book
from townsquare.web.witnesses import Witness

MOST_DAYS = 3650
# A town changes or leaves them out; what guards the log and the policy stays.
USUAL_RULES = (*vision_rules.RULES, *sealing_rules.RULES, *boxes.RULES, *device_types.RULES)


@dataclass(frozen=True, slots=True)
class Store:
    """[store] in townsquare.toml."""

    url: str = "sqlite:townsquare.db"
    password: str = ""
    seal_after_days: int = 7

    def __post_init__(self) -> None:
        if not 0 <= self.seal_after_days <= MOST_DAYS:
            raise Invalid(f"seal_after_days takes 0 (never) to {MOST_DAYS}")
        if self.password and not secret.NAME.fullmatch(self.password):
            raise Invalid('password takes "secret:NAME"; the password itself is no setting')


@dataclass(frozen=True, slots=True)
class Bus:
    """[bus] in townsquare.toml."""

    url: str = "memory:"


@dataclass(frozen=True, slots=True)
class Alerts:
    """[alerts] in townsquare.toml. `without` names rules of the product that do not hold here."""

    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [rule.name for rule in USUAL_RULES]
        if strange := [name for name in self.without if name not in names]:
            raise Invalid(
                f"[alerts] without names {strange[0]!r}, which is no rule that a town can do"
                f" without; there are {', '.join(names)}"
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """townsquare.toml."""

    town: Town = field(default_factory=Town)
    web: site.Settings = field(default_factory=site.Settings)
    map: basemap.Settings = field(default_factory=basemap.Settings)
    store: Store = field(default_factory=Store)
    bus: Bus = field(default_factory=Bus)
    vision: seeing.Settings = field(default_factory=seeing.Settings)
    outgoing: out.Settings = field(default_factory=out.Settings)
    oidc: identity_provider.Settings = field(default_factory=identity_provider.Settings)
    log: notary.Settings = field(default_factory=notary.Settings)
    messages: telling.Settings = field(default_factory=telling.Settings)
    approvals: book.Settings = field(default_factory=book.Settings)
    notify: calling.Settings = field(default_factory=calling.Settings)
    alerts: Alerts = field(default_factory=Alerts)
    recording: sealing.Settings = field(default_factory=sealing.Settings)
    devices: listening.Settings = field(default_factory=listening.Settings)
    camera: tuple[Camera, ...] = ()
    rule: tuple[Rule, ...] = ()
    witness: tuple[Witness, ...] = ()

    def __post_init__(self) -> None:
        for rule in self.rule:
            check(rule)
        self._require_declared()
        kinds(self.devices.kind)
        recorded = [camera.name for camera in self.camera if camera.record]
        if recorded and not self.recording.custodian:
            raise Invalid(
                f"camera {recorded[0]!r} has record = true, but [recording] names no custodians;"
                " write three [[recording.custodian]]"
            )
        named: Mapping[str, Sequence[Camera | Rule | Witness]] = {
            "camera": self.camera,
            "rule": self.rule,
            "witness": self.witness,
        }
        for word, things in named.items():
            names = [thing.name for thing in things]
            if twice := {name for name in names if names.count(name) > 1}:
                raise Invalid(f"two of [[{word}]] have the name {min(twice)!r}")

    def _require_declared(self) -> None:
        """Raises Invalid for a host that these would call and that is not listed."""
        hosts = self.outgoing.hosts
        for what, host in (
            ("[notify] calls", self.notify.undeclared(hosts)),
            ("[[devices.mqtt]] listens at", self.devices.undeclared(hosts)),
            ("[messages] tells", self.messages.undeclared(hosts)),
        ):
            if host:
                raise Invalid(
                    f"{what} {host!r}, which is not declared; list it, such as"
                    f' [outgoing] hosts = ["{host}"]'
                )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The town's own, and those of the product that it does not change or do without."""
        taken = {*self.alerts.without, *(rule.name for rule in self.rule)}
        return (*self.rule, *(rule for rule in USUAL_RULES if rule.name not in taken))


@dataclass(frozen=True, slots=True)
class Place:
    """Where it runs: the data folder, and the folder that files in the settings are relative to."""

    data: Path
    settings: Path
    port: int


def load(path: Path) -> Settings:
    """Raises Invalid, naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"cannot read the settings {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"the settings {path} are not UTF-8 text; save them as such") from error
    return parse(text, str(path), Settings)
