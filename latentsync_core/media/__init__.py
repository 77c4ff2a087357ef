"""Videos and audio: read, laid out in time, written. All of it through PyAV."""

from .audio import measure_audio, read_audio, to_mono_16k
from .color import ColorTags
from .encoder_input import FirstField
from .image_folder import ImageFolderClip, open_clip
from .loudness import loudness, normalize
from .parts import AudioInput, AudioParts, parts_of
from .place import place_lines, read_line
from .span import cut, trim
from .speech_level import to_speech_16k
from .splice import MixMode, mix, splice
from .tempo import change_tempo
from .tensor import TensorClip
from .timecode import Timecode, parse_time, read_timecode, timecode_rate
from .timeline import LENGTH_MODES, Timeline, fit
from .video import FileClip
from .write import Writer, check_output, open_writer

__all__ = [
    "LENGTH_MODES",
    "AudioInput",
    "AudioParts",
    "ColorTags",
    "FileClip",
    "FirstField",
    "ImageFolderClip",
    "MixMode",
    "TensorClip",
    "Timecode",
    "Timeline",
    "Writer",
    "change_tempo",
    "check_output",
    "cut",
    "fit",
    "loudness",
    "measure_audio",
    "mix",
    "normalize",
    "open_clip",
    "open_writer",
    "parse_time",
    "parts_of",
    "place_lines",
    "read_audio",
    "read_line",
    "read_timecode",
    "splice",
    "timecode_rate",
    "to_mono_16k",
    "to_speech_16k",
    "trim",
]
