"""What the stages hand to one another: small frozen dataclasses that check themselves.

Arrays are numpy on the host; only `diffusion` and the networks see torch tensors. Time is in seconds,
frame rates are `fractions.Fraction`, pixels are RGB and the pixel centre (0, 0) is the top-left pixel.
"""

from .choice import Evidence, SceneChoice, SpeakerChoice
from .clip import (
    SPEECH_RATE,
    Array,
    Clip,
    FloatArray,
    Frame,
    IntArray,
    Progress,
    SpeechTokens,
    Waveform,
    own_audio_of,
    pixel_aspect_of,
    pluralize,
)
from .line import Line, speaker_of
from .plan import Plan, Window
from .track import LEAST_SCORE, MEASURED, FaceTrack, Origin

__all__ = [
    "LEAST_SCORE",
    "MEASURED",
    "SPEECH_RATE",
    "Array",
    "Clip",
    "Evidence",
    "FaceTrack",
    "FloatArray",
    "Frame",
    "IntArray",
    "Line",
    "Origin",
    "Plan",
    "Progress",
    "SceneChoice",
    "SpeakerChoice",
    "SpeechTokens",
    "Waveform",
    "Window",
    "own_audio_of",
    "pixel_aspect_of",
    "pluralize",
    "speaker_of",
]
