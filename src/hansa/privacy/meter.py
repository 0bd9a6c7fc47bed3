"""The meter of one run: what its questions have cost so far, held against what the plan declared."""

from fractions import Fraction

from hansa.errors import Refused
from hansa.privacy.event import Noise, Part


class Meter:
    """Charges each question of a run before it is answered.

    Args:
        rho: what the plan lets the run cost each privacy unit; 0 for a plan without noise, which is not metered.
        honest: on how many members' noise the guarantee rests, >= 1.
    """

    def __init__(self, rho: Fraction = Fraction(0), honest: int = 1) -> None:
        self._rho = rho
        self.honest = honest
        self._spent: dict[Part, Fraction] = {"train": Fraction(0), "test": Fraction(0)}

    def charge(self, name: str, noise: Noise | None) -> None:
        """Charge one question.

        Args:
            name: the question's.
            noise: what it declares.

        Raises:
            Refused: `privacy.noise`, the plan declares noise and the question none, or the other way about;
                `privacy.budget`, the question would cost more than the plan has left. Nothing is charged.
        """
        if (noise is None) != (self._rho == 0):
            declared, asked = ("noise", "none") if noise is None else ("no noise", "some")
            raise Refused(
                "privacy.noise", f"the plan declares {declared}, and `{name}` is asked with {asked}"
            )
        if noise is None:
            return
        spent = self._spent[noise.part] + noise.rho
        if spent > self._rho:
            raise Refused(
                "privacy.budget",
                f"`{name}` would bring what the {noise.part} rows have paid to a rho of {float(spent):.9f}, and the plan "
                f"declares {float(self._rho):.9f}",
            )
        self._spent[noise.part] = spent
