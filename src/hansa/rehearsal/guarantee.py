"""What a run's sums promised and bore, and the account of every data set since, as parts of a result."""

from hansa.rehearsal.part import DecimalWords, Part, Size, Words


class Sharing(Part):
    """What the secure sums of a run bore: of so many members some may collude, and some must stay."""

    members: Size = 0
    required: Size = 0
    colluders: Size = 0
    honest: Size = 0
    neighbours: Size = 0

    @property
    def dropouts(self) -> int:
        """How many may vanish."""
        return max(0, self.members - self.required)


class Budget(Part):
    """How much may ever be learned from a data set."""

    epsilon: DecimalWords
    delta: DecimalWords


class Amount(Part):
    """A part of a budget; None where there is no budget."""

    epsilon: DecimalWords | None = None


class Charge(Part):
    """One attempt at a run that a data set was part of."""

    proposal: Size
    attempt: Size
    name: Words = ""
    guarantee: Words = ""
    status: Words = ""


class Subtraction(Part):
    """Two attempts without noise, one of whose totals less the other's are the sums of a few members."""

    earlier: Size
    later: Size
    members: tuple[Words, ...] = ()


class Account(Part):
    """What has been learnt from one data set."""

    member: Words
    name: Words = ""
    budget: Budget | None = None
    spent: Amount = Amount()
    left: Amount = Amount()
    charges: tuple[Charge, ...] = ()
    without_bound: Size = 0
    subtractions: tuple[Subtraction, ...] = ()

    @property
    def standing(self) -> tuple[str, str, str] | None:
        """Return budget, spent and left as epsilons, or None without a budget."""
        if self.budget is None or self.spent.epsilon is None or self.left.epsilon is None:
            return None
        return self.budget.epsilon, self.spent.epsilon, self.left.epsilon


class Refusal(Part):
    """What somebody asked for that the accounts do not bear; `members` counts whose data could still be asked."""

    name: Words = ""
    proposer: Words = ""
    epsilon: DecimalWords = "0"
    delta: DecimalWords = "0"
    rule: Words = ""
    members: Size
    reasons: tuple[Words, ...] = ()


class Privacy(Part):
    """The guarantee of a run, what its sums bore, and the account of every data set since."""

    noise: Words = "none"
    epsilon: DecimalWords = "0"
    delta: DecimalWords = "0"
    unit: Words = ""
    sharing: Sharing = Sharing()
    accounts: tuple[Account, ...] = ()
    refused: tuple[Refusal, ...] = ()

    @property
    def is_noised(self) -> bool:
        """Return whether noise bounds what the sums reveal."""
        return self.noise != "none"
