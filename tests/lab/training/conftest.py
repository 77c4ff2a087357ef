from pathlib import Path

import pytest
from tiny_training import TINY, make_tiny

import latentsync_core
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
def nano():
    """The checkpoint that is shipped: where any that `train nano` made will do."""
    return Path(latentsync_core.__file__).parent / "assets" / "nano"


@pytest.fixture(scope="session")
def finished(quick, tmp_path_factory):
    """The folder of a run through all stages; it takes half a minute, so that tests which ask for it are slow."""
    folder = tmp_path_factory.mktemp("run")
    train(TINY, folder)
    return folder


@pytest.fixture
def store(tmp_path):
    return SyntheticDataset(tmp_path / "data", TINY.data)
