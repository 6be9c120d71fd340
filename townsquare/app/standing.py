"""What can be seen of a town's machine, files and settings, whether it runs or not."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from townsquare.app.backup.making import LAST
from townsquare.app.settings import Place, Settings
from townsquare.model.errors import CannotStart, Invalid
from townsquare.vision.detectors import listed
from townsquare.web import notary
from townsquare.web.doctor.facts import Backup, Certificate, Disk, Flows, Model

SIGNET = "footage-signet"


def disk(settings: Settings, place: Place) -> Disk | None:
    """None where there is no such folder yet."""
    try:
        free, total = notary.space_at(place.data)
    except OSError:
        return None
    return Disk(free, total, settings.log.floor_mb * 1_000_000)


def certificates(settings: Settings, place: Place) -> list[Certificate]:
    """Those of which the town knows the file."""
    return [_certificate(name, file) for name, file in _files(settings, place)]


def _files(settings: Settings, place: Place) -> Iterator[tuple[str, Path]]:
    if settings.web.certificate:
        yield settings.web.public_url or "[web]", place.settings / settings.web.certificate
    query = parse_qs(urlsplit(settings.store.url).query)
    for key in ("sslcert", "sslrootcert"):
        for file in query.get(key, ()):
            yield f"[store] {key}", place.settings / file
    if (kept := place.data / "secrets" / SIGNET).is_file() and settings.recording.custodian:
        yield SIGNET, kept


def _certificate(name: str, file: Path) -> Certificate:
    """Of a chain, the span in which all of it holds."""
    try:
        text = file.read_bytes()
        chain = x509.load_pem_x509_certificates(text[text.find(b"-----BEGIN CERT") :])
    except OSError as error:
        return Certificate(name, trouble=f"{file}: {error.strerror}")
    except ValueError:
        return Certificate(name, trouble=f"{file} holds no certificate (PEM)")
    begins = max(one.not_valid_before_utc for one in chain)
    return Certificate(name, begins, min(one.not_valid_after_utc for one in chain))


def models(settings: Settings, place: Place) -> list[Model]:
    name = settings.vision.detector
    if not settings.camera:
        return []
    try:
        listed.content(listed.card(name, place.data / "models"))
    except (CannotStart, Invalid) as error:
        return [Model(name, str(error))]
    return [Model(name)]


def backup(place: Place) -> Backup | None:
    """What `townsquare backup` noted when it ended last."""
    try:
        noted = json.loads((place.data / LAST).read_bytes())
        return Backup(datetime.fromisoformat(noted["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def flows(settings: Settings, refused: Mapping[str, datetime]) -> Flows:
    hosts = {*settings.outgoing.hosts, *(witness.host for witness in settings.witness)}
    if settings.oidc.issuer:
        hosts.add(settings.oidc.host)
    return Flows(sorted(hosts), refused)
