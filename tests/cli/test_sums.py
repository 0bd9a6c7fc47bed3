"""What a plan's secure sums bear, as people are told before a vote: also in a crowd."""

import pytest
from crowd import PLAN, Crowd


@pytest.fixture
def crowd(tmp_path):
    """Found a coalition of so many under so much; publish its log; return its folder."""
    stores = []

    def found(members, colluding, dropouts):
        names = [f"member-{number:02}" for number in range(members)]
        crowd = Crowd(tmp_path, dict.fromkeys(names), colluding=colluding, dropouts=dropouts)
        stores.append(crowd.store)
        crowd.sequencer.publish(tmp_path / "log")
        (tmp_path / "plan.yaml").write_text(PLAN)
        return tmp_path

    yield found
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("terms", "sums"),
    [
        (
            (65, "1/20", "1/20"),
            "65 members, with 16 neighbours each: at least 62 must stay, so 3 may vanish, and 4 may collude",
        ),
        ((65, "1/3", "1/5"), "65 members: at least 52 must stay, so 13 may vanish, and 22 may collude"),
        ((64, "1/20", "1/20"), "64 members: at least 61 must stay, so 3 may vanish, and 4 may collude"),
    ],
)
def test_a_price_and_a_proposal_say_how_many_neighbours_mask_with_each(crowd, hansa, terms, sums):
    folder = crowd(*terms)
    for tokens in (("plan", "price", folder / "plan.yaml"), ("proposal", "show", "1")):
        answer = hansa(*tokens, "--folder", folder)
        assert f"sums over {sums}" in " ".join(answer.out.split()), answer
