"""What a question costs in a large city: which rows are looked at before any fits."""

import sqlite3
from pathlib import Path

import pytest

from tests.conftest import OPEN, OpenBroker
from townsquare.context.query import Query
from townsquare.model.actor import Why
from townsquare.store import tables


@pytest.mark.parametrize(
    "query",
    [
        Query(types=("Alert",), not_scope="/published"),
        Query(types=("Alert",), scope="/#"),
        Query(types=("Alert",), scope="/north/#"),
        Query(scope="/north"),
        Query(scope="/north/#"),
    ],
    ids=lambda query: f"{query.types} {query.scope or query.not_scope}",
)
async def test_scopes_of_the_whole_city_are_not_gathered_for_an_answer(
    open_broker: OpenBroker, tmp_path: Path, query: Query
) -> None:
    """Each has one, so a list of them takes seconds where there are a million entities."""
    broker = open_broker(url="sqlite:town.db")
    await broker.store.ready()
    find = broker._sight.find(query, OPEN, Why("operations"), "read", "")
    sql = tables.rows("", find, None)
    with sqlite3.connect(tmp_path / "town.db") as db:
        plan = [step for *_, step in db.execute(f"explain query plan {sql.text}", sql.parameters)]
    scopes = [step for step in plan if " s " in step]
    assert scopes
    assert all("row=?" in step or "scope" in step for step in scopes), plan
