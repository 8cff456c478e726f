"""Others have their turn of the event loop while much is decoded."""

import asyncio

from services.platform.runtime.turns import Turns


async def test_others_have_a_turn_after_so_many_bytes() -> None:
    turns, done = Turns(100), 0
    seen = list[int]()

    async def other() -> None:
        while done < 1_000:
            seen.append(done)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(100):
        done += 10
        await turns.after(10)
    await task
    assert seen == list(range(100, 1_000, 100))
