"""What the UNet is trained on: latents of every clip and tokens of every track, made once by the frozen networks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn

from latentsync_core.data import SpeechTokens
from latentsync_core.diffusion.latents import LatentCodec, to_pixels
from latentsync_core.faces.mask import keep_mask
from latentsync_core.speech import encode, tokens_at

from .data import Dataset, save

WHOLE, MASKED = 0, 1


@dataclass(frozen=True, eq=False)
class LatentClip:
    """A person in all utterances (own footage: one), as the UNet sees them."""

    latents: Tensor
    """(utterances, 2, F, C, h, w) float16: every frame whole, and with the mouth masked; scaled."""
    tokens: Tensor
    """(utterances, F, tokens, width) float16."""
    openness: Tensor | None
    """(utterances, F): the true openness; None where it is unknown."""


class LatentStore:
    """Latents of all clips in a folder named after the encoder's weights, made if they are not there yet."""

    def __init__(self, store: Dataset, folder: Path, vae: Any, whisper: Any) -> None:
        self.clips = store.clips
        self._store, self._whisper, self._codec = store, whisper, LatentCodec(vae)
        self._folder = folder / digest(vae.encoder) / ("test" if store.test else "train")
        self._keep = torch.from_numpy(keep_mask(store.resolution))
        self._speech: dict[int, SpeechTokens] = {}

    @property
    def work(self) -> int:
        """How often `load` of all clips calls `on_clip`: once for latents, once for tokens."""
        return len(_split(list(range(self.clips)))) + self.clips

    def load(self, clips: Iterable[int], on_clip: Callable[[], None] = lambda: None) -> list[LatentClip]:
        """Load the clips with these numbers; several processes divide the work of making them."""
        clips = list(clips)
        for clip in _split(clips):
            self._load_latents(clip)
            on_clip()
        PartialState().wait_for_everyone()
        loaded = []
        for clip in clips:
            loaded.append(self._load_clip(clip))
            on_clip()
        self._speech.clear()  # the clips hold copies of what they need of it
        return loaded

    def _load_clip(self, clip: int) -> LatentClip:
        utterances = self._store.utterances(clip)
        tokens = [
            tokens_at(self._load_tokens(utterance.track), self._store.times(utterance))
            for utterance in utterances
        ]
        openness = [
            known for utterance in utterances if (known := self._store.openness(utterance)) is not None
        ]
        return LatentClip(
            torch.from_numpy(self._load_latents(clip)),
            torch.from_numpy(np.stack(tokens)).half(),
            torch.from_numpy(np.stack(openness)) if openness else None,
        )

    def _load_latents(self, clip: int) -> Any:
        path = self._folder / f"{self._store.label(clip)}.npy"
        if not path.exists():
            count = len(self._store.utterances(clip))
            encoded = [self._encode(self._store.crops(clip, utterance)) for utterance in range(count)]
            save(path, torch.stack(encoded).half().numpy())
        return np.load(path, mmap_mode="c")  # read as it is needed

    @torch.inference_mode()
    def _encode(self, crops: Any) -> Tensor:  # (F, R, R, 3) uint8 -> (2, F, C, h, w)
        pixels = to_pixels(crops.astype(np.float32))
        pair = [self._codec.encode(p)[0].transpose(0, 1).cpu() for p in (pixels, pixels * self._keep)]
        return torch.stack(pair)

    def _load_tokens(self, track: int) -> SpeechTokens:
        if track not in self._speech:
            self._speech[track] = encode(self._whisper, self._store.audio(track))
        return self._speech[track]


def _split(clips: list[int]) -> list[int]:
    """Return the clips whose latents this process makes."""
    process = PartialState()
    return clips[process.process_index :: process.num_processes]


def digest(module: nn.Module) -> str:
    """Return a name for a network's weights, a hash."""
    content = hashlib.sha256()
    for tensor in module.state_dict().values():
        content.update(tensor.float().cpu().numpy().tobytes())
    return content.hexdigest()[:12]
