"""Room in memory for bodies: a number of bytes that they share, so that many large ones arrive one after the other."""

import threading

from hansa.web.bell import Bell


class Room:
    """Counts bytes in memory.

    Args:
        size_bytes: how many there are.
        bell: wakes those who wait for room.
    """

    def __init__(self, size_bytes: int, bell: Bell) -> None:
        self._bell = bell
        # INVARIANT: changes under the lock only.
        self._lock = threading.Lock()
        self._free_bytes = size_bytes

    async def take(self, size_bytes: int, seconds: float) -> bool:
        """Take so many bytes when they are free, waiting at most so many seconds; say whether they were taken."""

        def take() -> bool:
            with self._lock:
                is_free = self._free_bytes >= size_bytes
                self._free_bytes -= size_bytes if is_free else 0
                return is_free

        return await self._bell.wait_until(take, seconds)

    def give_back(self, size_bytes: int) -> None:
        """Give back what was taken; from any thread."""
        if size_bytes:
            with self._lock:
                self._free_bytes += size_bytes
            self._bell.ring()
