"""Print how much disk the core install takes, package by package, and hold it against the limit.

Counts the packages of requirements.lock where they are installed, and the pages' libraries;
packages for development beside them do not count.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
MODULES = ROOT / "townsquare" / "web" / "modules"
LIMIT_MB = 600
SHOWN = 6
MB = 1_000_000


def names(lock: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE))


def size(package: str) -> int:
    """Bytes on disk; 0 for what this platform does not install."""
    try:
        files = metadata.files(package)
    except metadata.PackageNotFoundError:
        return 0
    places = [Path(str(file.locate())) for file in files or []]
    return sum(place.stat().st_size for place in places if place.is_file())


def folder(place: Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())


def main() -> int:
    sizes = {name: size(name) for name in names(LOCK.read_text())}
    sizes["(libraries of the pages)"] = folder(MODULES)
    largest = sorted(sizes.items(), key=lambda item: -item[1])
    for name, taken in largest[:SHOWN]:
        print(f"  {taken / MB:7.1f} MB  {name}")
    print(f"  {sum(taken for _, taken in largest[SHOWN:]) / MB:7.1f} MB  (all others)")
    total = sum(sizes.values()) / MB
    print(f"  {total:7.1f} MB  in all; the limit is {LIMIT_MB} MB")
    return 1 if total > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
