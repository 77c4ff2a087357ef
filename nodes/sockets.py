"""The link types, categories and widgets that several nodes use."""

from comfy_api.latest import io

Model = io.Custom("LATENTSYNC_MODEL")
"""A `bridge.LoadedModel`."""
Options = io.Custom("LATENTSYNC_OPTIONS")
"""A `latentsync_core.Options`."""
Speaker = io.Custom("LATENTSYNC_SPEAKER")
"""A `latentsync_core.FaceTrack`: one person's face in every frame of a clip."""
MetaBatch = io.Custom("VHS_BatchManager")
"""VideoHelperSuite's Meta Batch Manager, which hands a long video through a graph in parts."""

CATEGORY = "LatentSync"

PRESETS = ("balanced", "quality", "draft", "exact")
"""In the order of menus."""
PRESETS_ARE = (
    "balanced: 8 steps of a fast sampler. quality: 20 steps, longer cross-fades, twice the time. draft: 6 steps, for a "
    "first look. exact: the original's own way, for comparison, at 25 fps."
)


def build_fps(tooltip: str) -> io.Input:
    """Return the widget for the frame rate."""
    return io.Float.Input("fps", default=25.0, min=1.0, max=240.0, step=0.01, round=0.001, tooltip=tooltip)
