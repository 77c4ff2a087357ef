import pytest

from latentsync_core.faces import FaceFinder


@pytest.fixture(scope="session")
def finder():
    return FaceFinder("cpu")
