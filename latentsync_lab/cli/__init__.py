"""The command line: `python -m latentsync_core sync | plan | faces | score | weights | train | remote`, or `latentsync ...`."""

from .main import main

__all__ = ["main"]
