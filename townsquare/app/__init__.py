"""Puts the house together: settings, store, trust, rooms and the web, each given what it needs."""

from townsquare.app.doctoring import of_a_town_that_is_off
from townsquare.app.house import TYPES, serve
from townsquare.app.keeping import reach, sealing
from townsquare.app.settings import Place, Settings, Store, load

__all__ = [
    "TYPES",
    "Place",
    "Settings",
    "Store",
    "load",
    "of_a_town_that_is_off",
    "reach",
    "sealing",
    "serve",
]
