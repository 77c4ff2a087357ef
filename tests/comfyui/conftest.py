"""One real ComfyUI server for all tests here; they are skipped where COMFYUI_DIR names no checkout."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
CHECKOUT = os.environ.get("COMFYUI_DIR")


def pytest_collection_modifyitems(items):
    if CHECKOUT:
        return
    why = pytest.mark.skip(
        reason="needs a ComfyUI: COMFYUI_DIR names its folder, this Python has what it requires"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(why)


@pytest.fixture(scope="session")
def server():
    from comfy_server import ComfyServer, install

    with tempfile.TemporaryDirectory(prefix="comfyui-server-") as base:
        install(Path(base))
        with ComfyServer(Path(CHECKOUT), Path(base)) as running:
            yield running
