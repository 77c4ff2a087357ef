"""The types of our own links."""

from comfy_api.latest import io

Model = io.Custom("LATENTSYNC_MODEL")
"""A `bridge.LoadedModel`."""
Options = io.Custom("LATENTSYNC_OPTIONS")
"""A `latentsync_core.Options`."""
Speaker = io.Custom("LATENTSYNC_SPEAKER")
"""A `latentsync_core.FaceTrack`: one person's face in every frame of a clip."""

CATEGORY = "LatentSync"
