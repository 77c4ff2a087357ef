"""One line while it is rendered: crops of a window in, mouths out, and back into their frames."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..ahead import check_stopped
from ..compositing import Pasted, blend_mask, keep_source, read_masks
from ..data import Array, IntArray, Progress
from ..diffusion import Denoiser, WindowStore, fingerprint_networks
from ..faces import crop_size, keep_mask
from ..method import method_of
from ..models.bundle import LipSyncModels
from ..plan import DubPlan, LinePlan
from ..speech import tokens_at


class StepCounter:
    """Counts the denoising steps of all lines for `Progress`."""

    def __init__(self, progress: Progress | None, dub: DubPlan) -> None:
        self.progress, self._done = progress, 0
        self._total = sum(line.options.steps * len(line.plan.windows) for line in dub.lines)

    def report(self) -> None:
        if self.progress is not None:
            self.progress("resync", self._done, self._total)

    def step(self) -> None:
        check_stopped()
        self._done += 1
        self.report()

    def skip(self, steps: int) -> None:
        """Count steps of a window that is finished out of what is to do."""
        self._total -= steps
        self.report()


class LineRenderer:
    """Renders the windows of a line and pastes their mouths; called as `diffusion.windows.Render`."""

    def __init__(
        self, line: LinePlan, dub: DubPlan, models: LipSyncModels, counter: StepCounter, work: Path | None
    ) -> None:
        self._line, self._plan, self._options = line, line.plan, line.options
        self.first, self._counter = line.first, counter
        self._method = method = method_of(line.options)
        self._size = crop_size(dub.resolution)
        self._keep = keep_mask(models.resolution)
        self._blend = blend_mask(self._keep, line.options.feather)
        self._kept = enumerate(read_masks(line.protect, line.plan.source))
        self._denoiser = Denoiser(models, self._keep, line.options, counter.step, method.sample_latents)
        self._store: WindowStore | None = None
        if work and method.keeps_windows:
            self._store = WindowStore(work, fingerprint_networks(models), line.options)
        seconds = line.plan.speech_start + line.plan.duration
        self._speech = method.encode(models.whisper, line.samples, seconds, counter.progress)
        counter.report()

    def __call__(self, crops: Array, frames: IntArray) -> Array:
        mouths = self._denoiser.decode(self._latents(crops, self._tokens(frames)))
        return self._method.finish(mouths, crops, self._keep, self._options)

    def composite(self, frame: Array, mouth: Array, index: int) -> Pasted:
        """Paste the mouth of a frame of the line; frames are asked for in rising order."""
        mask = self._blend * self._plan.strength[index]
        seed = self._options.seed if self._options.grain else None
        pasted = self._method.paste(frame, mouth, self._line.matrices[index], self._size, mask, seed)
        keep = next(mask for number, mask in self._kept if number == index)
        return pasted if keep is None else keep_source(frame, pasted, keep)

    def _tokens(self, frames: IntArray) -> Array:
        tokens = tokens_at(self._speech, self._plan.times[frames] + self._plan.speech_start)
        # Towards zero, the tokens of no speech that guidance steers away from and that the network was trained with.
        return tokens if self._plan.voice is None else tokens * self._plan.voice[frames, None, None]

    def _latents(self, crops: Array, tokens: Array) -> Tensor:
        if self._store is None:
            return self._denoiser.denoise(crops, tokens)
        key = self._store.key_of(crops, tokens)
        latents = self._store.load(key)
        if latents is None:
            latents = self._denoiser.denoise(crops, tokens)
            self._store.save(key, latents)
        else:
            self._counter.skip(self._options.steps)
        return latents
