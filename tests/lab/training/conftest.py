import pytest
from tiny_training import TINY, make_tiny

from latentsync_lab.training import train
from latentsync_lab.training.data import SyntheticDataset


@pytest.fixture(autouse=True, scope="session")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch.setattr)
        yield


@pytest.fixture(scope="session")
def recipe():
    return TINY


@pytest.fixture(scope="session")
def finished(quick, tmp_path_factory):
    """The folder of a run through all stages."""
    folder = tmp_path_factory.mktemp("run")
    train(TINY, folder)
    return folder


@pytest.fixture
def store(tmp_path):
    return SyntheticDataset(tmp_path / "data", TINY.data)
