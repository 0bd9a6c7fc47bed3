"""A bell: coroutines that wait, woken from any thread, without a thread of their own."""

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes all who wait when something has changed. Made and waited for in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._is_closed = False

    def ring(self) -> None:
        """Wake everybody; from any thread, also when the loop has ended."""
        try:
            self._loop.call_soon_threadsafe(self._ring)
        except RuntimeError:  # the loop is closed, so nobody waits
            return

    async def wait_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, and look again at each ring.

        Args:
            is_so: what to wait for; must be quick.
            seconds: at most.

        Returns:
            Whether it is so.
        """
        deadline = self._loop.time() + seconds
        while not is_so():
            if self._is_closed:
                return False
            rung = self._rung
            try:
                async with asyncio.timeout_at(deadline):
                    await rung.wait()
            except TimeoutError:
                return is_so()
        return True

    def close(self) -> None:
        """Let nobody wait any more."""
        self._is_closed = True
        self._ring()

    def _ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()
