"""A procedural talking head whose mouth is known for every frame: for the demo, tests and training data.

Nobody's likeness and free of any licence: people, places and motion are drawn from a seed. The mouth is a
documented function of the speech (`mouth_from_speech`), so that a network can learn it and a test can check it.
"""

from .events import Cutaway, Event, Occlusion, Silence, TurnAway, Walk
from .head import Expression, Head
from .identity import Identity
from .motion import Motion
from .mouth import MouthShape, MouthTrack, mouth_from_speech
from .scene import Person, Scene, SyntheticClip, Truth, talking_clip
from .speech import bundled_speech, mono_16k, speak
from .warp import Pose

__all__ = [
    "Cutaway",
    "Event",
    "Expression",
    "Head",
    "Identity",
    "Motion",
    "MouthShape",
    "MouthTrack",
    "Occlusion",
    "Person",
    "Pose",
    "Scene",
    "Silence",
    "SyntheticClip",
    "Truth",
    "TurnAway",
    "Walk",
    "bundled_speech",
    "mono_16k",
    "mouth_from_speech",
    "speak",
    "talking_clip",
]
