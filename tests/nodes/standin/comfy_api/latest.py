"""`from comfy_api.latest import ComfyAPI, ComfyExtension, InputImpl, Types, io, ui`"""

import os
import uuid

import folder_paths
import numpy as np
from PIL import Image

from . import _nodes as io
from . import _video

__all__ = ["ComfyAPI", "ComfyExtension", "InputImpl", "Types", "io", "ui"]
InputImpl, Types = _video.InputImpl, _video.Types


class ui:  # noqa: N801
    class PreviewImage:
        """Writes the pictures to ComfyUI's temp folder."""

        def __init__(self, image, cls=None):
            self.values = [self._save(image) for image in image]

        @staticmethod
        def _save(image):
            name = f"ComfyUI_temp_{uuid.uuid4().hex}.png"
            pixels = (image.numpy() * 255).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(os.path.join(folder_paths.get_temp_directory(), name))
            return {"filename": name, "subfolder": "", "type": "temp"}

        def as_dict(self):
            return {"images": self.values, "animated": (False,)}

    class PreviewVideo:
        def __init__(self, values):
            self.values = values

        def as_dict(self):
            return {"images": self.values, "animated": (True,)}

    @staticmethod
    def SavedResult(filename, subfolder, type):  # noqa: N802
        return {"filename": filename, "subfolder": subfolder, "type": type.value}


class ComfyExtension:
    async def on_load(self):
        pass


class ComfyAPI:
    class node_replacement:  # noqa: N801
        @staticmethod
        async def register(replacement):
            from server import PromptServer

            PromptServer.instance.node_replace_manager.register(replacement)
