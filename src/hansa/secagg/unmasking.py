"""Unmasking: from revealed shares to secrets, and from secrets to the masks that are left in the sum."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hansa.errors import Malformed
from hansa.secagg.agreement import agree_secret
from hansa.secagg.masking import Mask, commit_to_seed, derive_pair_mask, derive_self_mask
from hansa.secagg.message import Secret
from hansa.secagg.pairing import salt_pair, salt_self
from hansa.secagg.session import Session
from hansa.secagg.shamir import combine_shares, interpolate_at_zero, recover_secret
from hansa.secagg.statement import Advert

_TRIES: Final = 5_000
"""Sets of shares that are tried when some are wrong, in the whole sum: seconds, even for a large cohort."""


class Unmasking:
    """Recovers what was revealed in one sum.

    Args:
        session: what the hub's own copy of the record says about the sum.
        adverts: what each member in the roster advertised, by position.
    """

    def __init__(self, session: Session, adverts: Mapping[int, Advert]) -> None:
        self._session = session
        self._adverts = adverts
        self._points: tuple[int, ...] = ()
        self._factors: tuple[int, ...] = ()
        self._tries = _TRIES
        self.disputes: list[tuple[int, int]] = []
        """Owner of a secret and holder of a share of it that was wrong, by position."""

    def recover(self, owner: int, secret: Secret, revealed: Mapping[int, int]) -> bytes:
        """Join the revealed shares of one secret, and make sure that it is the one that was advertised.

        Args:
            owner: whose secret it is.
            secret: which of its two.
            revealed: the share by position of its holder, at least as many as the threshold.

        Raises:
            Malformed: `secagg.share`, the secret does not come out of its shares.
        """
        threshold = self._session.threshold

        def is_advertised(element: int) -> bool:
            return self._is_advertised(owner, secret, element)

        # 1. As many holders as the threshold asks for; whose shares were wrong before comes last.
        suspects = {holder for _, holder in self.disputes}
        holders = sorted(revealed, key=lambda holder: (holder in suspects, holder))
        shares = {holder + 1: revealed[holder] for holder in holders}
        points = tuple(shares)[:threshold]
        if points != self._points:
            self._points, self._factors = points, interpolate_at_zero(points)
        element = combine_shares(self._factors, (shares[point] for point in points))
        if is_advertised(element):
            return element.to_bytes(32, "little")
        # 2. Some share is wrong. Those beyond the threshold can tell which.
        found = recover_secret(shares, threshold, is_advertised, tries=self._tries)
        self._tries -= found.tries
        if found.secret is None:
            names = ", ".join(f"`{self._session.cohort[holder].id}`" for holder in sorted(holders))
            what = secret.name.lower().replace("_", " ")
            raise Malformed(
                "secagg.share",
                f"the {what} of `{self._session.cohort[owner].id}` does not come out of its shares: it dealt, or some of {names} returned, wrong ones",
            )
        self.disputes += [(owner, point - 1) for point in found.wrong]
        return found.secret.to_bytes(32, "little")

    def _is_advertised(self, owner: int, secret: Secret, element: int) -> bool:
        if element >= 2**256:
            return False
        data, advert = element.to_bytes(32, "little"), self._adverts[owner]
        if secret is Secret.SELF_SEED:
            return commit_to_seed(data, self._session.digest) == advert.commitment
        return X25519PrivateKey.from_private_bytes(data).public_key().public_bytes_raw() == advert.mask_key

    def undo_self_mask(self, survivor: int, seed: bytes) -> Mask:
        """The mask that takes a survivor's own mask off the sum."""
        return derive_self_mask(seed, salt_self(self._adverts[survivor]), survivor, adds=False)

    def undo_pair_masks(self, dropped: int, mask_key: bytes, survivors: Sequence[int]) -> Iterator[Mask]:
        """The masks that take those between a dropped member and survivors off the sum.

        They are the dropped member's own, with the signs it would have used.
        """
        key, own = X25519PrivateKey.from_private_bytes(mask_key), self._adverts[dropped]
        for survivor in survivors:
            other = self._adverts[survivor]
            agreed = agree_secret(key, other.mask_key)
            yield derive_pair_mask(agreed, salt_pair(own, other), dropped, survivor)
