"""Importing the pack changes nothing and costs little."""

import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import sys, time
sys.path.insert(0, {here!r})
import comfy_setup
comfy_setup.add_comfyui()
import os, tempfile, folder_paths, torch, av, PIL.Image

def state():
    return {{
        "environment": dict(os.environ),
        "sys.path": list(sys.path),
        "temp": (tempfile.gettempdir(), tempfile.tempdir, folder_paths.get_temp_directory()),
        "folder_paths": dict(vars(folder_paths)),
        "model folders": {{k: list(v[0]) for k, v in folder_paths.folder_names_and_paths.items()}},
        "torch": (
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.get_default_dtype(),
            torch.backends.cuda.matmul.allow_tf32, torch.get_num_threads(), torch.is_grad_enabled(),
            torch.get_float32_matmul_precision(),
        ),
        "files": sorted(os.listdir(os.path.dirname(folder_paths.get_temp_directory()) or ".")) if {real} else [],
    }}

before, modules = state(), set(sys.modules)
started = time.process_time()
pack = comfy_setup.load_pack()
seconds = time.process_time() - started
after = state()
print([name for name in before if before[name] != after[name]])
heavy = ("diffusers", "transformers", "cv2", "accelerate", "torchvision", "torchaudio")
models = f"{{pack.__name__}}.latentsync_core.models."

def added():
    new = set(sys.modules) - modules
    return sorted(name for name in new if name in heavy or name.startswith(models))

print(added())
print(seconds)
comfy_setup.node_classes(pack)
print(added())
"""


def test_importing_changes_nothing():
    here = str(Path(__file__).parent)
    code = PROBE.format(here=here, real=bool(os.environ.get("COMFYUI_DIR")))
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here
    )
    changed, heavy, seconds, heavy_after_schemas = result.stdout.strip().splitlines()[-4:]
    assert (changed, heavy, heavy_after_schemas) == ("[]", "[]", "[]")
    assert float(seconds) < 1.0
