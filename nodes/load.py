"""LatentSync Load Model."""

from comfy_api.latest import io

from . import sockets
from .bridge import checkpoints, devices
from .bridge.progress import Reporter


class LoadModel(io.ComfyNode):
    """Loads a checkpoint, and downloads it first where the choice says so."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentSyncLoadModel",
            display_name="LatentSync Load Model",
            category=sockets.CATEGORY,
            description="Loads a LatentSync checkpoint. 1.6 works on 512 px faces and is the sharper, 1.5 on 256 px "
            "faces and needs less memory. nano comes with the pack: a tiny test model that knows drawn faces only.",
            search_aliases=["latentsync", "lip sync model", "lipsync checkpoint", "load lip sync"],
            inputs=[
                io.Combo.Input(
                    "model",
                    options=checkpoints.list_choices(),
                    tooltip="What is in models/latentsync (or a folder that extra_model_paths.yaml names so), and "
                    "what can be fetched. Nothing is fetched before the node runs; a stopped download goes on where "
                    "it was.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(devices.PRECISIONS),
                    default="auto",
                    tooltip="auto takes fp16 where the device is made for it, else bf16 or fp32. fp8 stores the "
                    "weights of the UNet in 8 bit and computes in 16: half the memory for weights, slightly other "
                    "images.",
                ),
                io.Combo.Input(
                    "memory",
                    options=list(devices.MEMORY_MODES),
                    default="auto",
                    tooltip="Where the model waits between runs. auto: on the GPU, until ComfyUI needs the room. "
                    "keep: always on the GPU. offload: in the computer's own memory.",
                ),
                io.Int.Input(
                    "batch",
                    default=1,
                    min=0,
                    max=32,
                    optional=True,
                    advanced=True,
                    tooltip="Windows of 16 frames that are denoised at once. 0: as many as fit the free memory of the "
                    "GPU, up to 8. It changes the last bits of the images.",
                ),
                io.Boolean.Input(
                    "compile",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Compile the UNet (torch.compile), for long videos: the first window takes minutes, also "
                    "after a change of the model, its precision or batch.",
                ),
            ],
            outputs=[sockets.Model.Output("model", tooltip="For the LatentSync Lip Sync nodes.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, model: str | None = None) -> bool | str:
        return model is None or checkpoints.find_problem(model) or True

    @classmethod
    def execute(
        cls, model: str, precision: str = "auto", memory: str = "auto", batch: int = 1, compile: bool = False
    ) -> io.NodeOutput:
        source = checkpoints.fetch(model, Reporter(cls.hidden.unique_id))
        return io.NodeOutput(devices.load(source, precision, memory, batch, compile))
