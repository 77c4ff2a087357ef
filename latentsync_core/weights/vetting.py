"""Check a torch file before it is unpickled: it may hold tensors only, and not more in memory than on disk.

`torch.load(weights_only=True)` executes nothing, but makes whatever sizes a file asks for: 20 GB out of 900 bytes.
"""

from __future__ import annotations

import os
import pickletools
import re
import zipfile
from pathlib import Path
from typing import IO

from ..errors import WeightsMismatchError

_TENSORS = re.compile(
    r"collections (OrderedDict|Counter)"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter)"
    r"|torch\._tensor _rebuild_from_type_v2"
    r"|torch (Tensor|Size|device|\w*Storage|b?float\w+|double|half|u?int\w+|short|long|bool|complex\w+)"
    r"|torch\.storage (Untyped|Typed)Storage"
    r"|torch\.nn\.parameter Parameter"
    r"|(__builtin__|builtins) (set|complex)"
    r"|_codecs encode"
)
"""Globals in a pickle of tensors, numbers and texts; none of them allocates more than the file holds."""
_LEGACY_PICKLES = 5
"""Magic number, version, system, the object, names of storages: before 1.6, torch wrote one after the other."""


def check_torch_file(path: Path) -> None:
    """Raise WeightsMismatchError where a file would unpack, or names in its pickles what is no tensor.

    Raises ValueError, OSError or BadZipFile where it is damaged.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_LEGACY_PICKLES):
                if file.tell() < os.fstat(file.fileno()).st_size:
                    _check_pickle(file, path)
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if (
            any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            or unpacked > path.stat().st_size
        ):
            raise WeightsMismatchError(
                f"{path} unpacks to {unpacked} bytes, and torch does not compress. Get the file from its publisher."
            )
        for entry in entries:
            if entry.filename.endswith(".pkl"):
                with archive.open(entry) as file:
                    _check_pickle(file, path)


def _check_pickle(file: IO[bytes], path: Path) -> None:
    # Read as opcodes, without running any. STACK_GLOBAL takes its name from the stack, and EXT from a registry, where
    # it cannot be read here; torch writes neither, so both are refused.
    for opcode, argument, _ in pickletools.genops(file):
        named = opcode.name in ("GLOBAL", "INST") and not _TENSORS.fullmatch(str(argument))
        if named or opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            raise make_no_tensors_error(path)


def make_no_tensors_error(path: Path) -> WeightsMismatchError:
    """Make the error for a pickle of anything but tensors."""
    return WeightsMismatchError(
        f"{path} holds something other than tensors, or is damaged; nothing in it was executed. "
        "Get the file from its publisher, as .safetensors where there is one."
    )
