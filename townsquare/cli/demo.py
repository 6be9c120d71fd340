"""`townsquare demo`: the demo town of this clone, where every visitor is let in."""

from pathlib import Path

from townsquare.cli.run import DataFolder, Port, start
from townsquare.model.errors import CannotStart

CLONE = Path(__file__).resolve().parents[2]


def demo(port: Port = None, data: DataFolder = None) -> None:
    """Run the demo town: a recorded clip as its camera, no account needed."""
    file = CLONE / "demo" / "townsquare.toml"
    if not file.exists():
        raise CannotStart(
            "the demo's footage lies in the source repository, not in the installed package;"
            " run `make demo` in a clone, or `townsquare init` for a town of your own"
        )
    start(file, data or CLONE / "data" / "demo", port, "demo")
