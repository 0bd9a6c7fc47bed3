"""How often somebody may ask: a bucket of tokens each, in memory, bounded."""

from collections import OrderedDict
from dataclasses import dataclass

from hansa.errors import Refused


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """Lets each name ask so many times a second.

    Args:
        rate: tokens a second that come back.
        burst: tokens that a name has at first, and at most.
        names: how many names are remembered; beyond that whoever asked longest ago is forgotten.
    """

    def __init__(self, rate: float, burst: float, names: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._names = names
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, name: str, now: float) -> None:
        """Take one token of a name.

        Args:
            name: a member or an address.
            now: seconds of a clock that never runs back.

        Raises:
            TooOften: there is none left.
        """
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now)
            if len(self._buckets) > self._names:
                self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        self._buckets.move_to_end(name)
        if bucket.tokens < 1:
            raise TooOften((1 - bucket.tokens) / self._rate)
        bucket.tokens -= 1


class TooOften(Refused):
    """Somebody asks more often than the hub allows.

    Args:
        wait_seconds: after which the next request will be heard.
    """

    def __init__(self, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        super().__init__("request.rate", f"too many requests; wait {max(1, round(wait_seconds))} seconds")
