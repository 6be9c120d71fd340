"""What is done once is done once, unless it failed."""

import asyncio

import pytest

from townsquare.context.once import Once


async def test_those_who_come_together_wait_for_the_one_who_does_it() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("done")

    once = Once(work)
    await asyncio.gather(once(), once(), once())
    await once()
    assert done == ["done"]


async def test_what_failed_is_tried_again() -> None:
    tries = iter((ValueError("not yet"), None))

    async def work() -> None:
        if error := next(tries):
            raise error

    once = Once(work)
    with pytest.raises(ValueError, match="not yet"):
        await once()
    await once()
    await once()
