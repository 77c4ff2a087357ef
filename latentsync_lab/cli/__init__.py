"""The lab's command line: `python -m latentsync_lab train`, or `latentsync-lab train`."""

from .main import main

__all__ = ["main"]
