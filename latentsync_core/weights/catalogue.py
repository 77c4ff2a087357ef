"""The published checkpoints: where each file is, how long it is and its checksum.

Revisions are pinned so that size and checksum stay true. Sizes and SHA-256 are those of the hub's file
listing, as public projects that pin them repeat them; that of Whisper tiny is also in the download address
of openai/whisper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import OptionError


@dataclass(frozen=True)
class RemoteFile:
    """One file on the Hugging Face hub, and where it belongs in a checkpoint folder."""

    repo: str
    revision: str
    path: str
    """Inside the repository."""
    folder: str
    """Folder inside the checkpoint folder that `path` is put under; "" is the checkpoint folder itself."""
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    optional: bool = False
    """Not needed to lip-sync."""

    @property
    def target(self) -> str:
        """Path inside the checkpoint folder, with forward slashes."""
        return f"{self.folder}/{self.path}" if self.folder else self.path


@dataclass(frozen=True)
class Release:
    """One published version of LatentSync."""

    name: str
    resolution: int
    repo: str
    files: tuple[RemoteFile, ...]

    @property
    def unet(self) -> RemoteFile:
        return self.files[0]

    @property
    def folder_name(self) -> str:
        """Name of the checkpoint folder that `download_release` makes."""
        return f"LatentSync-{self.name}"


VAE_REPO, VAE_REVISION = "stabilityai/sd-vae-ft-mse", "31f26fdeee1355a5c34592e401dd41e45d25a493"
VAE_CONFIG, VAE_WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"


def _make_release(
    name: str,
    resolution: int,
    revision: str,
    unet: tuple[int, str],
    syncnet: tuple[int | None, str | None] = (None, None),
) -> Release:
    repo, vae = f"ByteDance/LatentSync-{name}", (VAE_REPO, VAE_REVISION)
    tiny = (75_572_083, "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9")
    config = (547, "92d3dfb746fca211a2c9e019e285f8597412211728dce3c5bcf4eda0f2d62e7e")
    weights = (334_643_276, "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815")
    files = (
        RemoteFile(repo, revision, "latentsync_unet.pt", "", *unet),
        RemoteFile(repo, revision, "whisper/tiny.pt", "", *tiny),
        RemoteFile(*vae, VAE_CONFIG, "vae", *config),
        RemoteFile(*vae, VAE_WEIGHTS, "vae", *weights),
        RemoteFile(repo, revision, "stable_syncnet.pt", "", *syncnet, optional=True),
    )
    return Release(name, resolution, repo, files)


RELEASES: dict[str, Release] = {
    "1.5": _make_release(
        "1.5",
        256,
        "32a20d29aead0498e3e885e90dbbe8027da1b61b",
        (5_072_348_184, "6440b49a7ccceff56cdc001f5f17605216337f5bbd66fa360139768926e23f51"),
    ),
    "1.6": _make_release(
        "1.6",
        512,
        "c42c7e6c8e9c213626389fa7d9a3c444b8536353",
        (5_072_222_488, "0a478e89eb660f82da4c35dbdde8a5adfb27f99d1b4e50edd03729e1e98316d3"),
        (1_605_328_746, "77678d13861a02d6e83d0b169962175b6266be773f1f6f85fda2b0182e225118"),
    ),
}

SCHEDULER_CONFIG: dict[str, Any] = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
    "thresholding": False,
    "dynamic_thresholding_ratio": 0.995,
    "clip_sample_range": 1.0,
    "sample_max_value": 1.0,
    "timestep_spacing": "leading",
    "rescale_betas_zero_snr": False,
}
"""The published scheduler (configs/scheduler_config.json upstream), with DDIMScheduler's defaults written out."""


def find_release(name: str) -> Release:
    """Return the release called `name`; raises OptionError for another name."""
    if name not in RELEASES:
        raise OptionError(f"The published checkpoints are {' and '.join(RELEASES)}, got {name!r}.")
    return RELEASES[name]
