"""A stand-in for WaveSpeed's API: see server.FakeWaveSpeed."""

from .catalogue import DISTINCT, FAULTS, pairs
from .clip import demo_audio, demo_video
from .clock import VirtualClock
from .faults import FOREVER, Fault
from .impatient import AsyncImpatientTransport, ImpatientTransport
from .server import FakeWaveSpeed

__all__ = [
    "DISTINCT",
    "FAULTS",
    "FOREVER",
    "AsyncImpatientTransport",
    "FakeWaveSpeed",
    "Fault",
    "ImpatientTransport",
    "VirtualClock",
    "demo_audio",
    "demo_video",
    "pairs",
]
