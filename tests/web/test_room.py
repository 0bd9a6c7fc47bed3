import asyncio
import threading

from hansa.web.bell import Bell
from hansa.web.room import Room


def test_who_finds_no_room_waits_until_somebody_gives_some_back_or_goes_without():
    async def visit():
        room = Room(10, Bell())
        assert await room.take(7, 0)
        assert not await room.take(4, 0.01)
        assert await room.take(3, 0)
        waiting = asyncio.create_task(room.take(4, 20))
        await asyncio.sleep(0)
        threading.Thread(target=room.give_back, args=(7,)).start()
        assert await waiting
        assert not await room.take(4, 0)
        assert not await room.take(11, 0)

    asyncio.run(visit())
