def test_where_all_members_are_somebody_has_to_say_who_speaks(hansa, proposed):
    for command in (
        ("proposal", "vote", 1, "yes"),
        ("proposal", "withdraw", 1),
        ("member", "leave"),
        ("run", "start", 1),
    ):
        answer = hansa(*command)
        assert answer.code == 2
        assert "--as MEMBER" in answer.err
