"""The texts of a policy: what a town, its approvers and the log mean by "the policy".

A folder `policies` beside townsquare.toml replaces the texts of the package file by file, and adds
to them. Always holds: the hash is of everything that decides, and of nothing else.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from townsquare.model.errors import CannotStart

ENDINGS = (".cedar", ".toml")
MOST = 1_000_000  # characters of all texts: they are read, shown and kept as one thing
Texts = Mapping[str, str]  # by the name of the file


@cache
def builtin() -> Texts:
    """Those of the package."""
    folder = resources.files("townsquare.trust") / "policies"
    files = (file for file in folder.iterdir() if file.name.endswith(ENDINGS))
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def beside(folder: Path) -> Texts:
    """Those in force where a town has this folder, or has none. Raises CannotStart."""
    try:
        files = (
            sorted(f for f in folder.iterdir() if f.suffix in ENDINGS) if folder.exists() else []
        )
        own = {file.name: file.read_text(encoding="utf-8") for file in files}
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"cannot read the policies in {folder}: {error}") from error
    texts = {**builtin(), **own}
    if sum(map(len, texts.values())) > MOST:
        raise CannotStart(f"the policies in {folder} have over {MOST} characters")
    return texts


def digest(texts: Texts) -> str:
    """SHA-256 over JSON of names and texts, sorted by name."""
    text = msgspec.json.encode(dict(sorted(texts.items())))
    return hashlib.sha256(text).hexdigest()
