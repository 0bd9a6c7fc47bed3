from hansa.coalition import spell_standings


def test_data_sets_that_stand_alike_are_told_in_one_clause_and_others_by_their_range():
    assert spell_standings([("3.5", "3", "1.580")] * 33) == (
        "each of the 33 data sets has spent ε = 3 of 3.5, and one more run may ask up to 1.58"
    )
    assert spell_standings([("2", "1.5", "0.9")]) == (
        "the data set has spent ε = 1.5 of 2, and one more run may ask up to 0.9"
    )
    assert spell_standings([("10", "3", "9"), ("4", "0", "4")]) == (
        "the 2 data sets have spent ε = 0 to 3 of 4 to 10, and one more run over all of them may ask up to 4"
    )
