"""Make every file of tests/golden again, with the official code; tests/golden/README.md says what is in them.

Once, in an environment that has this project (`pip install -e .`), with a checkout of bytedance/LatentSync at
a229c39 (its modules are imported and called, never copied):

    pip install -r scripts/golden/requirements.txt
    python scripts/make_golden.py UPSTREAM_CHECKOUT --check

`--check` compares what was made with tests/golden and writes nothing; without it the files are written. No trained
weights, no footage, no GPU: weights and inputs are the recipes of tests/support/recipes.py.

Keys, shapes, weights, tables and whole numbers have to be the same. Results in float32 depend on the processor in
their last digits, so arrays may differ by 2e-5 of their largest value. The official crops are cut to whole grey
levels, where the last digit can become one level: 8-bit frames may differ by one level in 0.1 % of their values, and
what the pipeline makes of such crops by 2e-3 of its largest value.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
sys.path.insert(0, str(ROOT / "tests"))
from golden import face, networks, pipeline, speech, upstream  # noqa: E402  they use tests/support

MAKERS = (
    networks.unet_keys,
    networks.unet_tiny2,
    networks.unet_tiny4,
    networks.syncnet,
    networks.videomae,
    speech.whisper_keys,
    speech.whisper_small,
    speech.chunk_table,
    face.face,
    face.mask,
    pipeline.ddim,
    pipeline.pipeline_tiny,
)
ROUNDING, GREY_LEVEL_IN_LATENTS = 2e-5, 2e-3
LEVELS_MAY_DIFFER_IN = 1e-3


def save(path, content):
    """Write one golden file in the form that its name asks for."""
    if path.suffix == ".json":
        path.write_text(json.dumps(content, separators=(",", ":")))
    elif path.suffix == ".npz":
        np.savez_compressed(path, **content)
    else:
        save_file({name: value.contiguous().clone() for name, value in content.items()}, path)


def load(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return dict(np.load(path)) if path.suffix == ".npz" else load_file(path)


def list_leaves(content, name=""):
    """Yield (name, value) of everything in a file: arrays, lists of numbers as arrays, and single values."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in pairs:
        place = f"{name}/{key}"
        if isinstance(value, dict) or (isinstance(value, list) and not is_numeric(value)):
            yield from list_leaves(value, place)
        else:
            yield place, np.asarray(value)


def is_numeric(values):
    try:
        return np.asarray(values).dtype.kind in "iuf"
    except ValueError:  # lists of different lengths
        return False


def measure_distance(made, kept):
    """Return how far one array is from another, as a fraction of its largest value; infinity if not alike."""
    if made.shape != kept.shape or made.dtype != kept.dtype:
        return np.inf
    if made.dtype == np.uint8:
        off = np.abs(made.astype(int) - kept)
        return np.inf if off.max() > 1 or (off > 0).mean() > LEVELS_MAY_DIFFER_IN else 0.0
    if made.dtype.kind != "f":
        return 0.0 if np.array_equal(made, kept) else np.inf
    if not np.isfinite(made).all():
        return np.inf
    off = np.abs(made.astype(np.float64) - kept).max()
    return off / np.abs(kept.astype(np.float64)).max() if off else 0.0


def compare(made, kept, allowed):
    """Return whether one file is as it was, and a word on it; both are paths."""
    if made.read_bytes() == kept.read_bytes():
        return True, "the same bytes"
    ours, theirs = dict(list_leaves(load(made))), dict(list_leaves(load(kept)))
    if list(ours) != list(theirs):
        return False, f"DIFFERENT: names {sorted(set(ours) ^ set(theirs))[:5] or 'in another order'}"
    far = {name: measure_distance(ours[name], theirs[name]) for name in ours}
    worst = max(far, key=far.get)
    if far[worst] > allowed:
        return False, f"DIFFERENT: {worst} by {far[worst]:.1e} of its largest value, {allowed:.0e} is allowed"
    return True, f"the same within rounding: {far[worst]:.1e} at most, in {worst}"


def make(folder):
    """Write all golden files into `folder`."""
    for maker in MAKERS:
        with (
            open(os.devnull, "w") as quiet,
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            made = maker()
        for name, content in made.items():
            save(folder / name, content)
        print("made", *made, flush=True)


def check():
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        names = sorted(path.name for path in GOLDEN.iterdir() if path.name != "README.md")
        if sorted(os.listdir(folder)) != names:
            sys.exit(f"Made {sorted(os.listdir(folder))}, but tests/golden holds {names}.")
        good = []
        for name in names:
            allowed = GREY_LEVEL_IN_LATENTS if name == "pipeline_tiny.safetensors" else ROUNDING
            same, words = compare(Path(folder) / name, GOLDEN / name, allowed)
            good.append(same)
            print(f"{name:38} {words}")
    sys.exit(0 if all(good) else 1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="folder of bytedance/LatentSync at a229c39")
    parser.add_argument(
        "--check", action="store_true", help="compare with tests/golden instead of writing it"
    )
    arguments = parser.parse_args()
    if not (arguments.checkout / "latentsync" / "models" / "unet.py").is_file():
        parser.error(
            f"{arguments.checkout} holds no latentsync/models/unet.py; give a checkout of LatentSync."
        )
    upstream.enter(arguments.checkout.resolve())
    check() if arguments.check else make(GOLDEN)


if __name__ == "__main__":
    main()
