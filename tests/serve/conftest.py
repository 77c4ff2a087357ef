"""An endpoint as a fixture."""

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install aiohttp (the extra `serve`)")

from serve.served import Served  # noqa: E402


@pytest.fixture
def served(tmp_path):
    with Served(tmp_path) as running:
        yield running
