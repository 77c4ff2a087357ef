"""LatentSync Load Audio."""

from comfy_api.latest import io

from . import sockets
from .bridge import audio_files
from .bridge.media import audio_of, check_option

LOUDNESS = {"off": None, "-16 LUFS": -16.0, "-23 LUFS": -23.0}


class LoadAudio(io.ComfyNode):
    """Loads audio from a file of the input folder, also a video; whole or a part, at a chosen loudness."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncLoadAudio",
            display_name="LatentSync Load Audio",
            category=sockets.CATEGORY,
            description="Loads the speech: from an audio file or from the soundtrack of a video, whole or a part, "
            "with its own sample rate and channels. Unlike Load Audio it can start anywhere and bring speech to a "
            "usual loudness.",
            search_aliases=[
                "load audio",
                "load speech",
                "audio from video",
                "extract audio",
                "normalize audio",
            ],
            inputs=[
                io.Combo.Input(
                    "audio",
                    options=audio_files.list_names(),
                    upload=io.UploadType.audio,
                    tooltip="An audio or video file in ComfyUI's input folder: wav, mp3, aac, m4a, flac, ogg, mp4, "
                    "mov, mkv, webm.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    round=0.001,
                    tooltip="Seconds into the file. 0 is where its video starts, or its audio if it has no video.",
                ),
                io.Float.Input(
                    "duration",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.01,
                    round=0.001,
                    tooltip="Seconds to load; 0 loads to the end.",
                ),
                io.Combo.Input(
                    "normalize",
                    options=list(LOUDNESS),
                    default="off",
                    tooltip="Bring the audio to a loudness (ITU-R BS.1770): -16 LUFS is usual on the web, -23 on "
                    "television. One gain for all of it, lower where a peak would pass -1 dBFS; nothing is "
                    "compressed.",
                ),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The audio, at its own rate and channels."),
                io.Float.Output("duration", tooltip="Its length in seconds."),
            ],
        )

    @classmethod
    def validate_inputs(cls, audio: str | None = None) -> bool | str:
        return audio is None or audio_files.find_problem(audio) or True  # None: it comes along a link

    @classmethod
    def fingerprint_inputs(cls, audio: str | None = None, **_: object) -> str:
        return "" if audio is None else audio_files.version_of(audio)

    @classmethod
    def execute(
        cls, audio: str, start: float = 0.0, duration: float = 0.0, normalize: str = "off"
    ) -> io.NodeOutput:
        loaded = audio_files.load(
            audio, start, duration, LOUDNESS[check_option("normalize", normalize, LOUDNESS)]
        )
        return io.NodeOutput(audio_of(loaded), loaded.duration)
