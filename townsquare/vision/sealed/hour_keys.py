"""The keys of hours and of holds, without which nobody opens footage: made, used and destroyed.

Always holds: a secret half lies in one file that only its owner reads, and nowhere else; the folder
says to backup programs that it is not to be copied; what is destroyed is overwritten first.
"""

import os
import re
import secrets
from pathlib import Path

from townsquare.model.errors import NotFound
from townsquare.trust.seal import keys
from townsquare.trust.seal.keys import SEED_BYTES, OpeningKey, SealingKey
from townsquare.vision.sealed.durable import settled

FOLDER = "hour-keys"  # in the data folder
# Read by tar, rsync, restic, borg and others (bford.info/cachedir).
TAG = "CACHEDIR.TAG"
TAGGED = b"Signature: 8a477f597d28d172789f06886806bc55\n# Keys that end: do not back up.\n"
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d|hold-[0-9a-f]{8,64}")
HOLD = "hold-"


class HourKeys:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not (folder / TAG).exists():
            (folder / TAG).write_bytes(TAGGED)
        for unfinished in folder.glob(".*"):
            _overwritten(unfinished)

    def public(self, hour: str) -> SealingKey:
        """Made when it is first asked for: of an hour that has not come, or of a hold."""
        if not self._file(hour).exists():
            self._write(hour, keys.fresh())
        return self.opening(hour).public

    def opening(self, hour: str) -> OpeningKey:
        """Raises NotFound where it was destroyed, or is not here."""
        try:
            return OpeningKey(self._file(hour).read_bytes())
        except FileNotFoundError as error:
            raise NotFound(f"the key of {hour} was destroyed, or never was here") from error

    def destroy(self, hour: str) -> None:
        """Whether or not it is there."""
        file = self._file(hour)
        if file.exists():
            _overwritten(file)
            settled(self.folder)

    def hours(self) -> list[str]:
        """Of which there is a key, without those of holds."""
        found = (file.name for file in self.folder.iterdir() if NAME.fullmatch(file.name))
        return sorted(name for name in found if not name.startswith(HOLD))

    def has(self, hour: str) -> bool:
        return self._file(hour).exists()

    def _file(self, hour: str) -> Path:
        if not NAME.fullmatch(hour):
            raise NotFound(f"{hour[:40]!r} is no hour such as 2026-11-23T09, and no hold")
        return self.folder / hour

    def _write(self, hour: str, key: OpeningKey) -> None:
        unfinished = self.folder / f".{hour}.{secrets.token_hex(4)}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(key.seed)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(self.folder / hour)
        settled(self.folder)


def _overwritten(file: Path) -> None:
    with file.open("r+b") as out:
        out.write(os.urandom(max(SEED_BYTES, file.stat().st_size)))
        out.flush()
        os.fsync(out.fileno())
    file.unlink()
