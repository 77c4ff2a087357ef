"""Stands for ComfyUI-VideoHelperSuite, which is not installed where the tests run: the sockets and widgets of the three
nodes that an example uses, as that pack has them in May 2026, and little more than nothing behind them.

Menus begin with what the example chooses: that pack's own script restores its widgets, which stay at their first here.
"""

import os
import sys
from fractions import Fraction

import folder_paths
from comfy_api.latest import InputImpl, Types

sys.dont_write_bytecode = True
BIG = 2**53 - 1


def number(default, least=0, most=BIG):
    return "INT", {"default": default, "min": least, "max": most, "step": 1}


class LoadVideo:
    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        required = {
            "video": (
                sorted(
                    folder_paths.filter_files_content_types(
                        os.listdir(folder_paths.get_input_directory()), ["video"]
                    )
                ),
            ),
            "force_rate": ("FLOAT", {"default": 0, "min": 0, "max": 60, "step": 1}),
            "custom_width": number(0, most=8192),
            "custom_height": number(0, most=8192),
            "frame_load_cap": number(0),
            "skip_first_frames": number(0),
            "select_every_nth": number(1, 1),
        }
        optional = {
            "meta_batch": ("VHS_BatchManager",),
            "vae": ("VAE",),
            "format": (["None", "AnimateDiff"], {"default": "None"}),
        }
        return {"required": required, "optional": optional}

    RETURN_TYPES = ("IMAGE", "INT", "AUDIO", "VHS_VIDEOINFO")
    RETURN_NAMES = ("IMAGE", "frame_count", "audio", "video_info")
    FUNCTION, CATEGORY = "load", "Video Helper Suite"

    def load(self, video, **_):
        parts = InputImpl.VideoFromFile(folder_paths.get_annotated_filepath(video)).get_components()
        height, width = parts.images.shape[1:3]
        info = {
            "fps": float(parts.frame_rate),
            "frame_count": len(parts.images),
            "width": width,
            "height": height,
        }
        info["duration"] = info["frame_count"] / info["fps"]
        return parts.images, len(parts.images), parts.audio, {f"loaded_{k}": v for k, v in info.items()}


class VideoInfoLoaded:
    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"video_info": ("VHS_VIDEOINFO",)}}

    NAMES = ("fps", "frame_count", "duration", "width", "height")
    RETURN_TYPES = ("FLOAT", "INT", "FLOAT", "INT", "INT")
    RETURN_NAMES = tuple(f"{name}🟦" for name in NAMES)
    FUNCTION, CATEGORY = "tell", "Video Helper Suite"

    def tell(self, video_info):
        return tuple(video_info[f"loaded_{name}"] for name in self.NAMES)


class VideoCombine:
    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        required = {
            "images": ("IMAGE",),
            "frame_rate": ("FLOAT", {"default": 8, "min": 1, "step": 1}),
            "loop_count": number(0, most=100),
            "filename_prefix": ("STRING", {"default": "latentsync/vhs"}),
            "format": (["video/h264-mp4", "image/gif", "image/webp"],),
            "pingpong": ("BOOLEAN", {"default": False}),
            "save_output": ("BOOLEAN", {"default": True}),
        }
        optional = {"audio": ("AUDIO",), "meta_batch": ("VHS_BatchManager",), "vae": ("VAE",)}
        return {"required": required, "optional": optional}

    RETURN_TYPES, RETURN_NAMES = ("VHS_FILENAMES",), ("Filenames",)
    FUNCTION, CATEGORY, OUTPUT_NODE = "combine", "Video Helper Suite", True

    def combine(self, images, frame_rate, filename_prefix, audio=None, **_):
        rate = Fraction(frame_rate).limit_denominator(1001)
        video = InputImpl.VideoFromComponents(
            Types.VideoComponents(images=images, audio=audio, frame_rate=rate)
        )
        folder, name, count, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        file = f"{name}_{count:05}.mp4"
        video.save_to(f"{folder}/{file}")
        saved = {"filename": file, "subfolder": subfolder, "type": "output"}
        return {"ui": {"gifs": [saved], "images": [saved]}, "result": ((True, [f"{folder}/{file}"]),)}


NODE_CLASS_MAPPINGS = {
    "VHS_LoadVideo": LoadVideo,
    "VHS_VideoInfoLoaded": VideoInfoLoaded,
    "VHS_VideoCombine": VideoCombine,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VHS_LoadVideo": "Load Video (Upload) 🎥🅥🅗🅢",
    "VHS_VideoInfoLoaded": "Video Info (Loaded) 🎥🅥🅗🅢",
    "VHS_VideoCombine": "Video Combine 🎥🅥🅗🅢",
}
