"""A camera as it is: two other organisations agree, for an hour at most, then all are cut off."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import av
import pytest

from tests.conftest import OpenBroker
from tests.square import SQUARE
from tests.town_hall import Member, TownHall
from townsquare import app
from townsquare.app.trusted import ACTS
from townsquare.context.broker import Broker
from townsquare.model.actor import Why
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, urn
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.model.mask import Mask
from townsquare.trust import approvals
from townsquare.vision import wire
from townsquare.vision.clear.doors import ClearDoors
from townsquare.vision.clear.job import Job
from townsquare.vision.clear.view import ACT, CLEAR, LONGEST, Wish, ended, sums, until_of
from townsquare.vision.clear.views import ClearViews
from townsquare.vision.clear.window import Window, opened, shut
from townsquare.web.approvals.book import Book

CLIP = Path(__file__).parents[2] / "demo" / "square.mp4"
CAMERA = replace(SQUARE, url=str(CLIP))
COUNTER = replace(SQUARE, name="counter", counts_only=True)
WHY = Why("crowd safety", "2030-17")
WISH = Wish("crowd safety", WHY.case, 15)
JPEG = b"\xff\xd8\xff"


class Hall(TownHall):
    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self.cameras = {"square": CAMERA, "counter": COUNTER}

    async def open(self) -> "Hall":
        self.book = Book(self.broker, self.people, {act.name: act for act in ACTS})
        self.eve = await self.member("Eve", "Public order", "operator")
        self.ole = await self.member("Ole", "Data protection", "data-protection")
        self.ada = await self.member("Ada", "Court of audit", "custodian", "security")
        self.views = ClearViews(
            self.broker,
            self.cameras,
            lambda camera: wire.watched(camera, str, "UTC"),
            self.book.use,
        )
        return self

    async def agreed(self, wish: Wish = WISH, who: str = "ole ada") -> Wish:
        """The wish with the id of what these people agreed to."""
        subject = urn("Camera", "square")
        one = await self.book.wish(ACT, subject, wish.detail, self.eve.actor)
        for name in who.split():
            member: Member = getattr(self, name)
            signed = member.key.signed(approvals.digest(one.request))
            await self.book.approve(one.id, signed, member.actor)
        return replace_approval(wish, one.id)

    async def begun(self, wish: Wish, camera: Camera = CAMERA) -> Entity:
        return await self.views.begin(camera, wish, self.eve.actor)

    async def kept(self, id: str) -> Entity:
        return await self.broker.read(id, self.eve.actor, WHY)


def replace_approval(wish: Wish, id: str) -> Wish:
    return Wish(wish.purpose, wish.case, wish.minutes, id)


@pytest.fixture
async def hall(open_broker: OpenBroker) -> AsyncIterator[Hall]:
    hall = await Hall(open_broker(*app.TYPES)).open()
    async with hall.views:
        yield hall


async def test_two_others_agree_and_one_person_sees_the_camera_as_it_is(hall: Hall) -> None:
    view = await hall.begun(await hall.agreed())
    shown = await hall.views.shown(view.id, hall.eve.actor)
    picture = b""
    async with asyncio.timeout(120):
        async for picture in shown:
            if picture:
                break
    assert picture.startswith(JPEG)
    kept = await hall.kept(view.id)
    assert kept.value("approvedBy") == ["Court of audit", "Data protection"]
    assert until_of(kept) - hall.now == timedelta(minutes=15)
    hall.now += timedelta(minutes=3, seconds=10)
    await hall.views.end(view.id, hall.eve.actor)
    assert (await hall.kept(view.id)).value("minutes") == 4


async def test_it_ends_in_mid_connection_and_the_process_with_it(hall: Hall) -> None:
    view = await hall.begun(await hall.agreed())
    window = hall.views.windows[view.id]
    shown = await hall.views.shown(view.id, hall.eve.actor)
    async with asyncio.timeout(120):
        async for picture in shown:
            if picture:
                hall.now += timedelta(minutes=15)
                hall.views._over(view)
        await asyncio.gather(*hall.views.ending)
    assert window.child.returncode is not None
    assert window.newest == b""
    assert (await hall.kept(view.id)).value("minutes") == 15
    with pytest.raises(Denied, match="over"):
        await hall.views.shown(view.id, hall.eve.actor)


async def test_the_timer_is_set_for_what_was_agreed(hall: Hall) -> None:
    loop = asyncio.get_running_loop()
    view = await hall.begun(await hall.agreed(Wish("crowd safety", WHY.case, 60)))
    assert 3500 < hall.views.timers[view.id].when() - loop.time() <= 3600


async def test_the_process_ends_by_itself_when_nobody_ends_it(hall: Hall) -> None:
    window = await opened(Job(wire.watched(CAMERA, str, "UTC"), 0.5))
    assert await asyncio.wait_for(window.child.wait(), 120) == 0
    await shut(window)


@pytest.mark.parametrize("who", ["", "ole", "ada"])
async def test_fewer_than_two_are_not_enough(hall: Hall, who: str) -> None:
    with pytest.raises(Denied, match="not approved"):
        await hall.begun(await hall.agreed(who=who))


async def test_what_was_not_agreed_to_is_not_shown(hall: Hall) -> None:
    wish = await hall.agreed()
    for case, minutes in ((WHY.case, 16), ("2030-18", 15)):
        with pytest.raises(Denied, match="not what was approved"):
            await hall.begun(Wish("crowd safety", case, minutes, wish.approval))
    hall.cameras["gate"] = replace(CAMERA, name="gate")
    with pytest.raises(Denied, match="not what was approved"):
        await hall.begun(wish, camera=hall.cameras["gate"])
    await hall.begun(wish)
    with pytest.raises(Denied, match="used already"):
        await hall.begun(wish)


async def test_what_nobody_may_ask_for(hall: Hall) -> None:
    wish = await hall.agreed()
    with pytest.raises(Denied, match="only counts"):
        await hall.begun(wish, camera=COUNTER)
    with pytest.raises(Denied, match="is there for"):
        await hall.begun(Wish("operations", WHY.case, 15, wish.approval))
    with pytest.raises(Invalid, match="file number"):
        Wish("crowd safety", " ", 15)
    with pytest.raises(NotFound):
        await hall.begun(replace_approval(WISH, "urn:ngsi-ld:Approval:none"))
    for minutes in (0, 61, -1):
        with pytest.raises(Invalid, match="from 1 to 60"):
            Wish("crowd safety", WHY.case, minutes)
    assert timedelta(minutes=60) == LONGEST


async def test_nobody_else_sees_it_or_ends_it(hall: Hall) -> None:
    view = await hall.begun(await hall.agreed())
    for member in (hall.ole, hall.ada):
        with pytest.raises(Denied):
            await hall.views.shown(view.id, member.actor)
        with pytest.raises(Denied):
            await hall.views.end(view.id, member.actor)
    with pytest.raises(NotFound):
        await hall.views.shown(urn(CLEAR, "none"), hall.eve.actor)


async def test_who_may_not_any_more_is_cut_off(hall: Hall) -> None:
    view = await hall.begun(await hall.agreed())
    shown = await hall.views.shown(view.id, hall.eve.actor)
    ended_session = asyncio.Event()
    parts = ClearDoors(hall.views)._parts(view.id, shown, hall.eve.actor, ended_session)
    async with asyncio.timeout(120):
        async for part in parts:
            assert b"Content-Type: image/jpeg" in part
            ended_session.set()


async def test_what_the_house_did_not_live_to_end_is_ended_when_it_starts(hall: Hall) -> None:
    view = await hall.begun(await hall.agreed())
    window: Window = hall.views.windows.pop(view.id)
    await window.close()
    hall.views.timers.pop(view.id).cancel()
    hall.now += timedelta(hours=5)
    running = asyncio.create_task(hall.views.run())
    with hall.broker.watch(hall.eve.actor, WHY, (CLEAR,)) as news:
        changed = await news.next(60)
    assert changed
    assert changed.after
    assert changed.after.value("minutes") == 15
    running.cancel()


async def test_nobody_writes_one_at_the_api(hall: Hall) -> None:
    made = entity(urn(CLEAR, "own"), CLEAR, actor=Attribute(hall.eve.actor.id))
    with pytest.raises(Denied):
        await hall.broker.apply([Change("create", made)], hall.eve.actor, WHY)


async def test_masks_are_burnt_in_there_too(hall: Hall) -> None:
    with av.open(str(CLIP)) as clip:
        width, height = clip.streams.video[0].width, clip.streams.video[0].height
    left = Mask(((0, 0), (width / 2, 0), (width / 2, height), (0, height)))
    plain = replace(CAMERA, lines=(), zones=(), drawn_on=(width, height), masks=(left,))
    hall.cameras["square"] = plain
    view = await hall.begun(await hall.agreed(), camera=plain)
    async with asyncio.timeout(120):
        async for picture in await hall.views.shown(view.id, hall.eve.actor):
            if picture:
                break
    with av.open(io.BytesIO(picture), "r") as seen:
        brightness = next(seen.decode(video=0)).to_ndarray(format="gray")
    half = brightness.shape[1] // 2
    assert brightness[:, : half - 8].max() < 32
    assert brightness[:, half + 8 :].max() > 100


async def test_a_picture_of_another_size_than_its_masks_is_not_shown() -> None:
    mask = Mask(((0, 0), (10, 0), (10, 10), (0, 10)))
    turned = replace(CAMERA, lines=(), zones=(), drawn_on=(4000, 3000), masks=(mask,))
    window = await opened(Job(wire.watched(turned, str, "UTC"), 8))
    async with asyncio.timeout(120):
        assert [picture async for picture in window.shown() if picture] == []
    await shut(window)


def test_numbers_are_by_month_and_purpose() -> None:
    def one(at: str, purpose: str, minutes: int | None) -> Entity:
        told = {"startedAt": (Attribute(at),), "purpose": (Attribute(purpose),)}
        more = {} if minutes is None else {"minutes": (Attribute(minutes),)}
        return Entity(urn(CLEAR, at), (CLEAR,), {**told, **more})

    found = sums(
        [
            one("2030-05-31T23:00:00Z", "operations", 9),
            one("2030-06-01T10:00:00Z", "crowd safety", 10),
            one("2030-06-02T10:00:00Z", "crowd safety", 5),
            one("2030-06-03T10:00:00Z", "crowd safety", None),
        ]
    )
    assert [(s.month, s.purpose, s.views, s.minutes) for s in found] == [
        ("2030-06", "crowd safety", 3, 15),
        ("2030-05", "operations", 1, 9),
    ]


def test_it_never_counts_longer_than_it_may_last() -> None:
    started = entity(
        urn(CLEAR, "a"),
        CLEAR,
        startedAt=Attribute("2030-06-01T10:00:00Z"),
        validUntil=Attribute("2030-06-01T10:15:00Z"),
    )
    assert ended(started, until_of(started) + timedelta(days=1)).value("minutes") == 15
