"""Put a ComfyUI on sys.path, real where COMFYUI_DIR names one, and load the pack as ComfyUI does."""

import asyncio
import atexit
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STANDIN = Path(__file__).with_name("standin")
PACK = "latentsync_native_pack"
REAL = os.environ.get("COMFYUI_DIR")


def add_comfyui():
    """Make `comfy`, `comfy_api`, `folder_paths` and `server` importable."""
    if not REAL:
        sys.path.insert(0, str(STANDIN))
        return
    sys.path.insert(0, REAL)
    base = tempfile.mkdtemp(prefix="comfyui-base-")
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    for name in ("custom_nodes", "input", "output", "temp", "user", "models"):
        Path(base, name).mkdir()
    given, sys.argv = sys.argv, ["x", "--cpu", "--base-directory", base]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.cli_args  # noqa: F401

    sys.argv = given
    # what ComfyUI has imported before it comes to the packs
    for name in ("comfy_api.latest", "comfy.model_patcher", "comfy.utils", "comfy_execution.graph_utils"):
        importlib.import_module(name)


def load_pack():
    """Import the pack by its file and return the module."""
    spec = importlib.util.spec_from_file_location(
        PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACK] = module
    spec.loader.exec_module(module)
    return module


def node_classes(pack):
    """node_id -> class."""
    extension = asyncio.run(pack.comfy_entrypoint())
    return {node.GET_SCHEMA().node_id: node for node in asyncio.run(extension.get_node_list())}


def every_input(inputs):
    """Those of the entries of menus (DynamicCombo) among them."""
    for entry in inputs:
        yield entry
        for option in entry.options if entry.io_type == "COMFY_DYNAMICCOMBO_V3" else ():
            yield from every_input(option.inputs)
