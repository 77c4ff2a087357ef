"""Reword errors for ComfyUI: they name nodes and widgets, and no path of a Python class.

The library's messages advise what to type or call; this table has the same advice for ComfyUI. A test reads all
messages of the library and finds those for which a line is missing.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ...latentsync_core.errors import LatentSyncError, RemoteError

_GET = r"`python -m latentsync_core weights get \S+`"
_LOAD = "LatentSync Load Model"
_FETCH = (
    f'choose a model with "(download" in its name on {_LOAD} and run the workflow; '
    "a download that was stopped goes on"
)
_BETTER_EVALUATOR = 'choose "1.6 (download)" on LatentSync Sync Score'

WORDS = {
    r"give the landmarks yourself \(FaceTrack\.from_points\)": "look at what LatentSync Faces finds",
    r"See `latentsync faces VIDEO OUT`": "LatentSync Faces shows what is found",
    r'With missing_face="keep"': "With missing_face = keep on LatentSync Options",
    r"Try dtype fp32": f"On {_LOAD} try precision fp32",
    r"Use a half-precision dtype, the 256 px checkpoint \(1\.5\), or free": f'On {_LOAD}, choose precision "fp8" or '
    '"fp16", or 1.5 instead of 1.6, or free',
    r"use dtype=fp8 or device=cpu": f"choose precision fp8 on {_LOAD}",
    r", or use device=cpu": ", or start ComfyUI on the CPU",
    r"Fetch one \(5 GB\) with `[^`]*`, or try things out with `--model \w+`": f"On {_LOAD} choose one with "
    '"(download" in its name, or try things out with nano',
    r"; use float16\.": f"; choose precision fp16 on {_LOAD}.",
    r"; use float32 \(or bfloat16\), or another device": f"; choose precision fp32 or bf16 on {_LOAD}",
    r"To take them out: --deinterlace, or FileClip\(\.\.\., deinterlace=True\)": "A node that deinterlaces takes them "
    "out",
    r"\bdtype takes": "precision takes",
    r"Use 'cpu'": "Start ComfyUI with another device, or on the CPU",
    r"Give resolution \(.*?\), or name its folder": "Name its folder",
    r"[Rr]un `[^`]*weights get [^`]*--syncnet` and score with \S+": _BETTER_EVALUATOR,
    r"`[^`]*weights get [^`]*--syncnet` and score with .*, model 1\.6": _BETTER_EVALUATOR,
    rf"Run {_GET} again to continue": f"To continue, {_FETCH}",
    rf"Run {_GET}": _FETCH[0].upper() + _FETCH[1:],
    rf"{_GET} fetches 1\.6": _FETCH,
    rf"Use 1\.6: {_GET}": f"For 1.6 {_FETCH}",
    r"put stable_syncnet\.pt, or a folder `syncnet` as `train` writes it": 'choose "1.6 (download)" on LatentSync Sync '
    "Score, or put stable_syncnet.pt, or a folder syncnet",
    r"although it is part of this library; install the library": "although it comes with this pack; install the pack",
    r"install the library": "install this pack",
    r" \(--take 2\)": " (the widget take)",
    r"\(--max-cost, or the node's spend limit\)": "(max_cost of LatentSync Remote)",
    r", or run `latentsync remote key set`": "",
    r"`latentsync remote resume(?: ID)?`": "LatentSync Remote Jobs",
    r"the face track has it": "the speaker is",
    r"The face track": "The speaker",
    r"Look for the face in this clip \(`find_face`\), or give no track": "Connect to LatentSync Faces the clip that "
    "this node gets, and give both the same fps; size, colours and compression may differ",
    r"FaceTrack(?:\.from_points)? takes": "A speaker takes",
    r"Waveform takes": "audio takes",
    r" Use samples\[None\] for mono and \.astype\(np\.float32\)\.": "",
    r" Drop a fourth \(alpha\) channel with \[\.\.\., :3\]; put channels last\.": "",
    r"; use \.float\(\)": "; connect another node",
}
"""Pattern in a message of the library -> text in its place."""


def reword(message: str) -> str:
    """Return a message of the library in ComfyUI's words."""
    for pattern, words in WORDS.items():
        message = re.sub(pattern, words.replace("\\", r"\\"), message)
    return message


def reword_errors_of(node: Any) -> None:
    """Make a node class raise its errors in ComfyUI's words."""
    execute = node.execute.__func__

    # Two wrappers, as ComfyUI awaits a node only if its `execute` is a coroutine function.
    @wraps(execute)
    def reworded(cls: type, *args: Any, **inputs: Any) -> Any:
        with reword_errors():
            return execute(cls, *args, **inputs)

    @wraps(execute)
    async def reworded_later(cls: type, *args: Any, **inputs: Any) -> Any:
        with reword_errors():
            return await execute(cls, *args, **inputs)

    node.execute = classmethod(reworded_later if inspect.iscoroutinefunction(execute) else reworded)


@contextmanager
def reword_errors() -> Iterator[None]:
    """Reword the library's errors that leave the block; `except` still catches them by their class."""
    try:
        yield
    except LatentSyncError as exc:
        exc.args = tuple(reword(part) for part in exc.args)
        if isinstance(exc, RemoteError):
            exc.cause, exc.remedy = exc.args
        # The exception is changed in place: a new one would lose its traceback and cause.
        exc.__class__ = _hide_module(type(exc))
        raise


def _hide_module(kind: type[LatentSyncError]) -> type[LatentSyncError]:
    """Return a subclass that ComfyUI shows by its name alone: it shows the module too, unless that is `builtins`."""
    return type(kind.__name__, (kind,), {"__module__": "builtins"})
