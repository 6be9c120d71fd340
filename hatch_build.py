"""The wheel carries the libraries of the pages, so that an installation needs no Node."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "tools"))

from fetch_modules import fetch


class FetchModules(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install is a checkout, where `make` fetches them.
        if version != "editable":
            fetch()
