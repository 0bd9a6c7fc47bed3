"""A bad line: a network of its own, joined to this machine by a program that loses, delays and reorders packets."""

import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import threading
import time

from outage import run

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LOOK_SECONDS = 0.1
PACKET_BYTES = 65_536


class Line:
    """Carries every packet between this machine and a network of its own, as well as it is told to.

    Both ends are `tun` devices, whose packets this process reads and writes; nothing of the kernel has to know of faults.

    Args:
        seed: of the generator that decides which packet is lost, and how late another one is.

    Raises:
        PermissionError: there is no `/dev/net/tun`, or this is not root.
    """

    def __init__(self, seed):
        self.loss = 0.0
        """The share of packets that are lost, in either direction; 1 is a partition."""
        self.delay_seconds = 0.0
        """How long each packet is on its way, at least."""
        self.jitter_seconds = 0.0
        """How much longer it may be; so one may overtake another."""
        self.carried = self.lost = self.reordered = 0
        self._draw = random.Random(seed)
        place = f"10.214.{os.getpid() % 250}"
        self.near, self.far = f"{place}.1", f"{place}.2"
        self.name = f"hansaline{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self.name)
        names = f"tn{os.getpid()}", f"tf{os.getpid()}"
        run("ip", "netns", "add", self.name)
        self._ends = []
        try:
            self._ends += map(open_tun, names)
            run("ip", "link", "set", names[1], "netns", self.name)
            set_up(names[0], self.near, self.far)
            set_up(names[1], self.far, self.near, self.inside)
        except BaseException:
            self._close()
            raise
        self._is_ended = False
        self._thread = threading.Thread(target=self._carry, name="line")
        self._thread.start()

    def remove(self):
        self._is_ended = True
        self._thread.join()
        self._close()

    def _close(self):
        for end in self._ends:
            os.close(end)  # and with it the device
        run("ip", "netns", "del", self.name)

    def _carry(self):
        near, far = self._ends
        opposite = {near: far, far: near}
        newest = dict.fromkeys(opposite, -1)
        under_way, numbers = [], itertools.count()
        while not self._is_ended:
            wait = (
                min(LOOK_SECONDS, max(0.0, under_way[0][0] - time.monotonic())) if under_way else LOOK_SECONDS
            )
            for end in select.select(self._ends, [], [], wait)[0]:
                packet = os.read(end, PACKET_BYTES)
                self.carried += 1
                if self._draw.random() < self.loss:
                    self.lost += 1
                    continue
                due = time.monotonic() + self.delay_seconds + self._draw.random() * self.jitter_seconds
                heapq.heappush(under_way, (due, next(numbers), opposite[end], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                _, number, end, packet = heapq.heappop(under_way)
                self.reordered += number < newest[end]
                newest[end] = max(newest[end], number)
                os.write(end, packet)


def open_tun(name):
    """Make a device whose packets are read and written here, and return its handle."""
    try:
        handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        raise PermissionError(f"`/dev/net/tun`: {error.strerror}") from error
    return handle


def set_up(name, address, peer, inside=()):
    run(*inside, "ip", "address", "add", address, "peer", peer, "dev", name)
    run(*inside, "ip", "link", "set", name, "up")
