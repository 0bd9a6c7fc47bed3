"""A member: an organisation with a name, a class, a country, a voting weight and an identity key.

Source: ISO 3166-1, the officially assigned alpha-2 codes.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from hansa.errors import Malformed
from hansa.governance.privacy import Budget
from hansa.governance.spelling import NameText, Slug, fault
from hansa.governance.validation import Form, parse_model
from hansa.transparency.canonical import Json
from hansa.transparency.keys import parse_public_key
from hansa.transparency.quoting import quote

MAX_VOTING_WEIGHT: Final = 1_000_000_000

COUNTRIES: Final = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - a table of codes reads best as text
)


def _check_country(value: str) -> str:
    if value not in COUNTRIES:
        raise fault(
            "country", f"expected the two capital letters of a country in ISO 3166, got {quote(value)}"
        )
    return value


def _check_key(value: str) -> str:
    try:
        parse_public_key(value)
    except Malformed as error:
        raise fault("key", f"expected an Ed25519 public key in base64: {error.message}") from None
    return value


class Member(Form):
    """One organisation of a coalition, as the record names it.

    Its fields: `id`, a slug that is never used again; `name`; `member_class`, a class of the charter;
    `country`, ISO 3166-1 alpha-2; `voting_weight`, a whole number from 1; `key`, its Ed25519 public key in base64;
    `budget`, what may ever be learned from its data set, where it wants less than the charter allows.
    """

    id: Annotated[Slug, Field(examples=["north-air"])]
    name: Annotated[NameText, Field(examples=["North Air"])]
    member_class: Annotated[Slug, Field(examples=["member"])]
    country: Annotated[str, AfterValidator(_check_country), Field(examples=["NO"])]
    voting_weight: Annotated[int, Field(ge=1, le=MAX_VOTING_WEIGHT, examples=[1])]
    key: Annotated[str, AfterValidator(_check_key)]
    budget: Budget | None = None


def parse_member(value: Json) -> Member:
    """Read a member in canonical form.

    Raises:
        InvalidDocument: `member.*`, with every finding.
    """
    return parse_model(Member, value, "member")
