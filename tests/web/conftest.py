import pytest
from hubhouse import found_hub


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory):
    """A hub that many tests share: they may add entries, and must not count on there being few."""
    hub = found_hub(tmp_path_factory.mktemp("hub"))
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hubs(tmp_path):
    """Makes hubs that are stopped when the test ends."""
    made = []

    def make(start=True, **settings):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        hub = found_hub(folder, **settings)
        made.append(hub)
        return hub.start() if start else hub

    yield make
    for hub in made:
        hub.stop()
