"""The nodes. Each is a schema and a few lines; everything between ComfyUI and the library is in `bridge`."""

from comfy_api.latest import ComfyAPI, ComfyExtension, io

from .audio import LoadAudio
from .bridge.words import reword_errors_of
from .dub import Dub, DubLine
from .example import ExampleClip
from .faces import Faces
from .lipsync import LipSyncFrames, LipSyncVideo
from .load import LoadModel
from .migration import REPLACEMENTS
from .mouths import MakeMouths, PasteMouths
from .options import LipSyncOptions
from .reassemble import Reassemble
from .remote import Remote, RemoteJobs
from .score import SyncScore

NODES: tuple[type[io.ComfyNode], ...] = (
    LoadModel,
    LoadAudio,
    LipSyncFrames,
    LipSyncVideo,
    LipSyncOptions,
    Faces,
    DubLine,
    Dub,
    MakeMouths,
    PasteMouths,
    Reassemble,
    SyncScore,
    Remote,
    RemoteJobs,
    ExampleClip,
)
for _node in NODES:
    reword_errors_of(_node)


class LatentSyncExtension(ComfyExtension):
    """The extension that ComfyUI loads."""

    async def on_load(self) -> None:
        for replacement in REPLACEMENTS:
            await ComfyAPI().node_replacement.register(replacement)

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(NODES)


async def comfy_entrypoint() -> LatentSyncExtension:
    return LatentSyncExtension()
