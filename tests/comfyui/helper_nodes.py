"""Nodes that only the tests need, put beside the pack in the server's custom_nodes."""

import sys

import torch
from comfy_api.latest import ComfyExtension, io

sys.dont_write_bytecode = True


def _core():
    """The library as the pack in this process has it."""
    return next(
        module
        for name, module in sys.modules.items()
        if name.endswith(".latentsync_core") and "latentsync-native" in name
    )


class EmptyBatch(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="TestEmptyBatch", inputs=[], outputs=[io.Image.Output()])

    @classmethod
    def execute(cls):
        return io.NodeOutput(torch.zeros(0, 64, 64, 3))


class CoreLipSync(io.ComfyNode):
    """What the library makes of the frames when it is called without the nodes."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Image.Input("images"), io.Audio.Input("audio"), io.Int.Input("steps")]
        return io.Schema(node_id="TestCoreLipSync", inputs=inputs, outputs=[io.Image.Output()])

    @classmethod
    def execute(cls, images, audio, steps):
        core = _core()
        speech = core.Waveform(audio["waveform"][0].numpy(), audio["sample_rate"])
        options = core.Options.preset("draft", steps=steps, guidance=1.0)
        clip, models = core.TensorClip(images, 25), core.load_models("nano", device="cpu")
        frames = core.lip_sync(clip, speech, models, options)
        return io.NodeOutput(torch.stack([torch.from_numpy(frame.copy()) for frame in frames]))


class Compare(io.ComfyNode):
    """Shows in how many values two batches differ."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Image.Input("a"), io.Image.Input("b")]
        return io.Schema(node_id="TestCompare", inputs=inputs, outputs=[], is_output_node=True)

    @classmethod
    def execute(cls, a, b):
        shown = f"{tuple(a.shape)} {tuple(b.shape)} {a.dtype} {b.dtype} {int((a != b).sum())}"
        return io.NodeOutput(ui={"text": [shown]})


class Helpers(ComfyExtension):
    async def get_node_list(self):
        return [EmptyBatch, CoreLipSync, Compare]


async def comfy_entrypoint():
    return Helpers()
