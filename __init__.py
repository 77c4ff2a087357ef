"""LatentSync Native for ComfyUI: the nodes are in `nodes`, the library they call in `latentsync_core`."""

# Test runners import this file on its own, without a package; ComfyUI imports it as one.
if __package__:
    from .nodes import comfy_entrypoint

    WEB_DIRECTORY = "./web"

    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
