"""Where the files of a checkpoint are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from ..errors import WeightsMissingError
from ..folders import user_folder
from .catalogue import RELEASES, VAE_REPO, VAE_WEIGHTS, RemoteFile
from .elsewhere import folders_of_own_comfyui
from .manifest import Manifest

FOLDERS_VARIABLE = "LATENTSYNC_MODELS"
NANO = "nano"
NANO_FOLDER = Path(__file__).resolve().parents[1] / "assets" / NANO

_UNETS = ("latentsync_unet.safetensors", "latentsync_unet.pt")
_WHISPERS = ("whisper/*.safetensors", "whisper/tiny.pt", "whisper/small.pt")
SYNCNET_FOLDER, CLIP_ENCODER_FOLDER = "syncnet", "videomae"
_SYNCNETS = (f"{SYNCNET_FOLDER}/{VAE_WEIGHTS}", "stable_syncnet.pt")
_VAE_FILES = (VAE_WEIGHTS, "diffusion_pytorch_model.bin")

_SHARED_VAES = (
    *(f"{folder}sd-vae-ft-mse" for folder in ("", "stabilityai/", "vae/")),
    *(
        f"{folder}vae-ft-mse-840000-ema-pruned.{ending}"
        for folder in ("", "vae/")
        for ending in ("safetensors", "ckpt")
    ),
)
"""Only the VAE that LatentSync was trained with, under its published names: another one loads as well and is wrong."""


@dataclass(frozen=True)
class Checkpoint:
    """The files of one checkpoint."""

    name: str
    unet: Path
    whisper: Path
    vae: Path
    """A folder in diffusers' layout, or one file."""
    scheduler: Path | None
    """A diffusers scheduler_config.json; None is the published scheduler."""
    resolution: int | None
    """By its manifest, else by the release that its UNet or its folder's name belongs to; None where neither says."""
    manifest: Manifest
    syncnet: Path | None = None
    """See `find_syncnet`; None where the checkpoint has none, which only scores need."""


@dataclass(frozen=True)
class Parts:
    """The files found of a checkpoint; None for those that were not."""

    name: str
    searched: tuple[Path, ...]
    unet: Path | None = None
    whisper: Path | None = None
    vae: Path | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Published paths of the files that were not found."""
        files = (
            (self.unet, "latentsync_unet.pt"),
            (self.whisper, "whisper/tiny.pt"),
            (self.vae, f"vae/{VAE_WEIGHTS}"),
        )
        return tuple(name for found, name in files if found is None)


def default_folders() -> list[Path]:
    """List the folders that are always searched: LATENTSYNC_MODELS, the user's data folder, a ComfyUI around us."""
    named = [Path(part) for part in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if part]
    return [*named, user_folder("data"), *folders_of_own_comfyui()]


def find_checkpoint(source: str | Path, folders: Sequence[str | Path] = ()) -> Checkpoint:
    """Find a checkpoint's files: `nano`, `1.5`, `1.6`, or a folder in the published layout.

    A release is looked for in `folders`, then in `default_folders`, each itself and one level down, then in
    the Hugging Face cache. Whisper and the VAE may also lie where another release has them. Raises
    WeightsMissingError that names every file, folder and the command to get them.
    """
    parts = find_parts(source, folders)
    if parts.unet is None or parts.whisper is None or parts.vae is None:
        raise WeightsMissingError(_describe_missing(parts))
    home = parts.unet.parent
    manifest, scheduler = Manifest.read(home), home / "scheduler" / "scheduler_config.json"
    release = str(source) if str(source) in RELEASES else release_of(parts.unet)
    return Checkpoint(
        name=parts.name,
        unet=parts.unet,
        whisper=parts.whisper,
        vae=parts.vae,
        scheduler=scheduler if scheduler.is_file() else None,
        resolution=manifest.resolution or (RELEASES[release].resolution if release else None),
        manifest=manifest,
        syncnet=_find_syncnet_in(home),
    )


def find_syncnet(source: str | Path, folders: Sequence[str | Path] = ()) -> Path:
    """Find the SyncNet of a checkpoint, whatever else of it is there: a folder in our form, or the published file.

    source, folders: as of `find_checkpoint`; source may also be such a folder or file itself. Raises
    WeightsMissingError.
    """
    name = str(source)
    if name not in (NANO, *RELEASES) and (Path(source).is_file() or (Path(source) / VAE_WEIGHTS).is_file()):
        return Path(source)
    if name in RELEASES:
        roots = [*map(Path, folders), *default_folders()]
        homes = [root / RELEASES[name].folder_name for root in roots]
        unet = find_parts(source, folders).unet
        homes += [unet.parent] if unet else []
    else:
        homes = [NANO_FOLDER if name == NANO else Path(source)]
    if found := next((path for home in homes if (path := _find_syncnet_in(home))), None):
        return found
    remedy = "put stable_syncnet.pt, or a folder `syncnet` as `train` writes it, into that folder"
    if name in RELEASES or name == NANO:
        release = name if name in RELEASES else "1.6"
        remedy = f"run `python -m latentsync_core weights get {release} --syncnet` and score with {release}"
    raise WeightsMissingError(
        f"{name} has no SyncNet, which scores are made with (looked in {', '.join(map(str, homes))}); {remedy}."
    )


def _find_syncnet_in(home: Path) -> Path | None:
    file = _find_first(home, _SYNCNETS)
    return file.parent if file and file.suffix == ".safetensors" else file


def find_parts(source: str | Path, folders: Sequence[str | Path] = ()) -> Parts:
    """Find the files of a checkpoint that there are; missing ones are no error, a source that is no folder is."""
    name = str(source)
    if name == NANO:
        return _parts_of(NANO, NANO_FOLDER, _find_first(NANO_FOLDER, _UNETS), shared=())
    search = tuple(dict.fromkeys([*map(Path, folders), *default_folders()]))
    if name in RELEASES:
        unet = next((u for u in find_unets(search) if release_of(u) == name), None)
        unet = unet or _find_cached(RELEASES[name].unet)
        return _parts_of(name, unet.parent if unet else None, unet, search)
    home = Path(source)
    if not home.is_dir():
        raise WeightsMissingError(
            f"{source} is no checkpoint: give {NANO}, {', '.join(RELEASES)}, or a folder that holds "
            f"latentsync_unet.pt. `python -m latentsync_core weights get 1.6` fetches 1.6."
        )
    return _parts_of(home.resolve().name, home, _find_first(home, _UNETS), search)


def find_unets(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the UNet files in each folder and one level below."""
    for folder in folders:
        for home in (folder, *sorted(path for path in folder.glob("*/") if path.is_dir())):
            if unet := _find_first(home, _UNETS):
                yield unet


def release_of(unet: Path) -> str | None:
    """Tell the release of a UNet file: by the exact length of the published file, else by its folder's name.

    The tensors of 1.5 and 1.6 have the same names and shapes, but the published files differ in length.
    """
    size = unet.stat().st_size
    for name, release in RELEASES.items():
        if size == release.unet.size:
            return name
    named = [
        name
        for name in RELEASES
        if re.search(rf"(?<![\d.]){name.replace('.', '[._-]?')}(?!\d)", unet.parent.name)
    ]
    return named[0] if len(named) == 1 else None


def find_vae_weights(path: Path) -> Path:
    """Return the weight file of a VAE that is a folder or one file; raises WeightsMissingError."""
    file = _find_first(path, _VAE_FILES) if path.is_dir() else path
    if file is None or not file.is_file():
        raise WeightsMissingError(
            f"{path} is no VAE: it takes a file, or a folder with {' or '.join(_VAE_FILES)}."
        )
    return file


def _parts_of(name: str, home: Path | None, unet: Path | None, shared: tuple[Path, ...]) -> Parts:
    # What lies in the checkpoint's own folder comes before what lies near it, and that before the caches: a folder
    # with its own Whisper or VAE is never mixed with those of another checkpoint.
    own = (home,) if home else ()
    near = (home.parent, *shared) if home and shared else shared
    releases = tuple(u.parent for u in find_unets(near) if release_of(u))
    searched = tuple(dict.fromkeys([*own, *near]))
    whisper = _find_first_in((*own, *near, *releases), _WHISPERS)
    vae = _find_vae((*own, *releases), ("vae",)) or _find_vae((*own, *near), _SHARED_VAES)
    if shared:
        whisper, vae = whisper or _find_cached_whisper(), vae or _find_cached_vae()
    return Parts(name, searched, unet, whisper, vae)


def _find_first(folder: Path, patterns: Sequence[str]) -> Path | None:
    """Return the first file that fits; a broken link does not."""
    files = (path for pattern in patterns for path in sorted(folder.glob(pattern)) if path.is_file())
    return next(files, None)


def _find_first_in(folders: Iterable[Path], patterns: Sequence[str]) -> Path | None:
    return next((path for folder in folders if (path := _find_first(folder, patterns))), None)


def _find_vae(folders: Iterable[Path], names: Sequence[str]) -> Path | None:
    candidates = (folder / name for folder in folders for name in names)
    return next((path for path in candidates if path.is_file() or _find_first(path, _VAE_FILES)), None)


def _find_cached(file: RemoteFile) -> Path | None:
    """Return the file in the Hugging Face cache, where other programs may have put it."""
    path = try_to_load_from_cache(file.repo, file.path)
    return Path(path) if isinstance(path, str) else None


def _find_cached_whisper() -> Path | None:
    files = (
        file for release in RELEASES.values() for file in release.files if file.path == "whisper/tiny.pt"
    )
    return next((path for file in files if (path := _find_cached(file))), None)


def _find_cached_vae() -> Path | None:
    weights = _find_cached(RemoteFile(VAE_REPO, "main", VAE_WEIGHTS, ""))
    return weights.parent if weights else None


def _describe_missing(parts: Parts) -> str:
    missing = ", ".join(parts.missing)
    if parts.name == NANO and parts.unet is None:
        return (
            f"This build has no bundled model yet ({NANO_FOLDER} lacks {missing}). "
            "Use 1.6: `python -m latentsync_core weights get 1.6`."
        )
    name = parts.name if parts.name in RELEASES else "1.6"
    home = parts.unet.parent if parts.unet else parts.searched[0]
    if parts.name in RELEASES and parts.unet is None:
        home = home / RELEASES[name].folder_name
    return (
        f"{parts.name} lacks {missing}. Looked in {', '.join(map(str, parts.searched))}. "
        f"Run `python -m latentsync_core weights get {name}`, or put the files into {home} by hand: "
        f"https://huggingface.co/{RELEASES[name].repo} has the UNet and Whisper, "
        f"https://huggingface.co/{VAE_REPO} the VAE."
    )
