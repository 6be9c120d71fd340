"""Whoever works together, footage opens for two custodians and for nobody else."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from tests.contract.sealed.opened import NINE, Town
from tests.contract.sealed.opened import town as town
from tests.town_hall import Member
from townsquare import trust
from townsquare.cli import unsealing
from townsquare.context.query import Query
from townsquare.model.errors import Denied, Invalid
from townsquare.trust import roles
from townsquare.trust.seal import segment, sharing
from townsquare.vision.sealed.custody_types import OPENING
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.openings import HOUSE, ROOM

ONE = "police"  # the custodian among them, in the subsets that have one
GIVEN = frozenset({"custodian", "citizen", "break-glass"})  # the first is asked apart
FILE = Path(trust.__file__).parent / "policies" / roles.FILE
OTHERS = sorted(
    role.name
    for role in roles.roles(FILE.read_text()).role
    if role.of == "the town" and role.name not in GIVEN
)


async def together(town: Town, people: list[Member], number: int, emergency: bool) -> int:
    """Each asks who may, and all of them agree as far as they are let. How many were asked."""
    town.now += timedelta(minutes=16)  # what was asked for before has ended
    asked = 0
    wish = town.wish(emergency=emergency)
    for asker in people:
        own = structs.replace(wish, case=f"2030-{number}-{people.index(asker)}")
        try:
            id = await town.asked(own, asker)
        except Denied:
            continue
        asked += 1
        for member in people:
            try:
                town.own["now"] = member
                await town.agreed(id, "now")
            except Denied:
                continue
    return asked


async def test_no_subset_of_roles_without_two_custodians_opens_anything(
    town: Town, tmp_path: Path
) -> None:
    await town.record(1)
    custodian = town.own[ONE]
    people = {role: await town.member(role, f"Office of {role}", role) for role in OTHERS}
    subsets = [n for k in range(len(OTHERS) + 1) for n in itertools.combinations(OTHERS, k)]
    assert len(subsets) == 2 ** len(OTHERS) >= 64
    for number, names in enumerate(subsets):
        alone = [people[name] for name in names]
        askers = len({"investigator", "data-protection"}.intersection(names))
        asked = await together(town, alone, 2 * number, emergency=bool(number % 2))
        assert asked == askers
        asked = await together(town, [*alone, custodian], 2 * number + 1, emergency=False)
        assert asked == askers
    await town.sign()
    query = Query(types=(OPENING,), limit=1000)
    assert (await town.broker.find(query, ROOM, HOUSE)).entities == []

    # With one custodian there is an emergency that is agreed to, and nothing that opens.
    await together(town, [people["investigator"], custodian], 9999, emergency=True)
    await town.sign()
    (made,) = (await town.broker.find(query, ROOM, HOUSE)).entities
    await town.release(ONE, made.id)
    with pytest.raises(Denied, match="1 of 2"):
        await asyncio.to_thread(unsealing.export, town.keys["asker"], made.id, tmp_path / "export")


async def test_nor_who_runs_the_server_with_one_custodian(town: Town) -> None:
    """They have the disk, the key of the hour and all that ever was released."""
    await town.record(1)
    (line,) = town.kept.shelf.lines("square", hour_of(NINE))
    shares = town.kept.unwrapping.sealed_shares("square", hour_of(NINE), line)
    found = town.kept.shelf.segment("square", hour_of(NINE), line.file)
    header = found.header
    for n, one in enumerate(town.kept.of):
        info = segment.share_info(header.camera, header.since, header.terms, one.name)
        for of, sealed in enumerate(shares):
            if of != n:
                with pytest.raises(Invalid):
                    one.opening.open(sealed, info)
        share = one.opening.open(shares[n], info)
        with pytest.raises(Invalid, match="1 of 2"):
            sharing.combine({n + 1: share}, header.commitments)
