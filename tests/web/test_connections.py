"""Who makes room when there are too many connections; with real ones it stands in test_attackers.py."""

import pytest

from hansa.web.connections import Connections, Place, group_address


class Crowd:
    """Connections, and which of them were hung up on."""

    def __init__(self, most):
        self.connections = Connections(most)
        self.gone = []

    def come(self, name, address):
        place = Place(address, lambda: self.gone.append(name))
        self.connections.take(place)
        return place


def test_the_oldest_stranger_makes_room_and_members_stay():
    crowd = Crowd(3)
    crowd.connections.vouch(crowd.come("ada", "a"))
    crowd.come("first", "b")
    crowd.come("second", "c")
    crowd.connections.vouch(crowd.come("bob", "d"))
    crowd.come("third", "e")
    assert crowd.gone == ["first", "second"]


def test_where_all_are_members_a_newcomer_is_hung_up_on():
    crowd = Crowd(1)
    ada = crowd.come("ada", "a")
    crowd.connections.vouch(ada)
    crowd.come("eve", "b")
    assert crowd.gone == ["eve"]
    crowd.connections.give_back(ada)
    crowd.come("bob", "c")
    assert crowd.gone == ["eve"]


def test_one_address_makes_room_for_itself():
    crowd = Crowd(16)
    crowd.come("ada", "a")
    for number in range(6):
        crowd.come(number, "b")
    assert crowd.gone == [0, 1]
    for number in range(6):
        crowd.come(number, "127.0.0.1")
    assert crowd.gone == [0, 1]


def test_a_connection_is_given_back_once():
    crowd = Crowd(2)
    first = crowd.come("first", "a")
    crowd.come("second", "b")
    crowd.come("third", "c")
    crowd.connections.give_back(first)  # it was hung up on, and is lost only now
    crowd.come("fourth", "d")
    assert crowd.gone == ["first", "second"]


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::8", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_an_address_is_counted_by_what_its_holder_cannot_choose(host, counted):
    assert group_address(host) == counted
