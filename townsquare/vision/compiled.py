"""Models as this machine's processor runs them, kept, so that a worker need not compile them anew.

What OpenVINO compiled is as good as a program, and no list of models can know it by sum. Always
holds: none is run that this house did not make itself of a model that may be loaded. Its file has a
seal by a key in DATA/secrets, which workers cannot read; the house looks at the seal each time it
starts a worker, and hands over the sum of what it saw. It holds for these files of the model, this
version of OpenVINO, this processor and this way to run it; for another one it is made anew, by a
process that can write nothing.
"""

import hashlib
import hmac
import platform
import secrets
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid
from townsquare.trust import secret
from townsquare.vision.detectors import listed
from townsquare.vision.detectors.graph import HOW
from townsquare.vision.detectors.listed import Card
from townsquare.vision.sandbox import environment
from townsquare.vision.wire import NONE, SEAL_BYTES, Compiled

KEY = "compiled-models"  # in DATA/secrets
PATIENCE_S = 120.0  # to compile one; it takes some seconds
MOST_BYTES = 1_000_000_000


def kept(name: str, town: Path) -> Compiled:
    """Made where it is not there yet. None for models that compile in a moment.

    Raises Invalid or CannotStart.
    """
    card = listed.card(name, town)
    if len(card.model.files) < 2 or not card.there:
        return NONE
    file = town / "compiled" / f"{name}-{_fits(card)[:16]}"
    key = secret.token(town.parent / "secrets" / KEY).encode()
    content = _sealed(file, key, card)
    if content is None:
        made = _made(name, town)
        content = _seal(made, key, card) + made
        _write(file, content)
    return Compiled(str(file), hashlib.sha256(content).hexdigest())


def _fits(card: Card) -> str:
    """What it is made of and for."""
    parts = [*(file.sum for file in card.model.files), metadata.version("openvino"), str(HOW)]
    return hashlib.sha256("\n".join([*parts, *_processor()]).encode()).hexdigest()


def _processor() -> list[str]:
    known = Path("/proc/cpuinfo")
    if not known.is_file():
        return [platform.processor()]
    lines = known.read_text().splitlines()
    return sorted({one for one in lines if one.startswith(("model name", "flags", "Features"))})


def _seal(content: bytes, key: bytes, card: Card) -> bytes:
    return hmac.digest(key, _fits(card).encode() + content, "sha256")


def _sealed(file: Path, key: bytes, card: Card) -> bytes | None:
    """The file with its seal, if that is ours."""
    if not file.is_file() or file.stat().st_size > MOST_BYTES:
        return None
    content = file.read_bytes()
    seal, made = content[:SEAL_BYTES], content[SEAL_BYTES:]
    return content if hmac.compare_digest(seal, _seal(made, key, card)) else None


def _made(name: str, town: Path) -> bytes:
    """By another process, so that this one loads no inference and the other can write nothing."""
    command = [sys.executable, "-m", "townsquare.vision.compiling", name, str(town)]
    try:
        done = subprocess.run(  # noqa: S603 - this Python, and a name that a list has
            command, capture_output=True, timeout=PATIENCE_S, check=False, env=environment()
        )
    except subprocess.TimeoutExpired as error:
        raise CannotStart(f"model {name} is not compiled after {PATIENCE_S:.0f} s") from error
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CannotStart(f"model {name} cannot be compiled: {''.join(said)}")
    return done.stdout


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all. What was made for other circumstances goes."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_bytes(content)
        part.replace(file)
        for old in file.parent.glob(f"{file.name.rpartition('-')[0]}-" + "?" * 16):
            if old != file:
                old.unlink(missing_ok=True)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Invalid(f"cannot write {file}: {error.strerror}") from error
