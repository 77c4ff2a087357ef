"""Make the windows of a line, with networks of this process or by a pool of workers."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..ahead import check_stopped
from ..data import Array, IntArray, Progress
from ..diffusion import Denoiser, WindowInput, WindowStore, fingerprint_networks
from ..faces import keep_mask
from ..method import method_of
from ..models.bundle import LipSyncModels
from ..plan import DubPlan, LinePlan
from ..pool import MadeWindow, WindowPool, WindowTask
from ..speech import tokens_at
from ..timeleft import POOL_STAGE

_WAKE_SECONDS = 0.2


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


class LineTokens:
    """The speech of a line as its frames hear it."""

    def __init__(self, line: LinePlan, whisper: WhisperEncoder, progress: Progress | None) -> None:
        self._plan = line.plan
        seconds = line.plan.speech_start + line.plan.duration
        self._speech = method_of(line.options).encode(whisper, line.samples, seconds, progress)

    def of(self, frames: IntArray) -> Array:
        """Return the tokens of frames of the line, (F, tokens, width)."""
        tokens = tokens_at(self._speech, self._plan.times[frames] + self._plan.speech_start)
        # Towards zero, the tokens of no speech that guidance steers away from and that the network was trained with.
        return tokens if self._plan.voice is None else tokens * self._plan.voice[frames, None, None]


class OwnWindows:
    """Makes the windows of a line with networks of this process; called as `diffusion.windows.Render`."""

    def __init__(
        self, line: LinePlan, models: LipSyncModels, counter: StepCounter, work: Path | None
    ) -> None:
        method, options = method_of(line.options), line.options
        keep = keep_mask(models.resolution)
        self._counter, self._steps, self._source = counter, options.steps, line.plan.source
        self._denoiser = Denoiser(models, keep, options, counter.step, method.sample_latents)
        self._store: WindowStore | None = None
        if work and method.keeps_windows:
            self._store = WindowStore(work, fingerprint_networks(models), options)
        self._tokens = LineTokens(line, models.whisper, counter.progress)
        counter.report()

    def __call__(self, crops: Sequence[Array], frames: Sequence[IntArray]) -> list[Array]:
        windows = [
            WindowInput(own, self._tokens.of(f), self._source[f])
            for own, f in zip(crops, frames, strict=True)
        ]
        return [self._denoiser.decode(latents) for latents in self._latents(windows)]

    def _latents(self, windows: Sequence[WindowInput]) -> Sequence[Tensor]:
        if self._store is None:
            return self._denoiser.denoise(*windows).split(1)
        keys = [self._store.key_of(window.crops, window.tokens) for window in windows]
        found = {key: kept for key in keys if (kept := self._store.load(key)) is not None}
        missing = {key: window for key, window in zip(keys, windows, strict=True) if key not in found}
        if found:
            self._counter.skip(self._steps * (len(keys) - len(missing)))
        if missing:
            for key, latents in zip(missing, self._denoiser.denoise(*missing.values()).split(1), strict=True):
                self._store.save(key, latents)
                found[key] = latents
        return [found[key] for key in keys]


class SubmittedWindows:
    """Hands the windows of a line to a pool; called as `diffusion.windows.Render`, though the mouths come later."""

    def __init__(
        self,
        line: LinePlan,
        tokens: LineTokens,
        pool: WindowPool,
        store: WindowStore | None,
        submitted: Callable[[Future[MadeWindow]], None],
    ) -> None:
        """store: windows in it are only decoded, and others kept there. submitted: takes what each window becomes."""
        self._line, self._tokens, self._pool, self._store = line, tokens, pool, store
        self._submitted = submitted

    def __call__(self, crops: Sequence[Array], frames: Sequence[IntArray]) -> list[Array]:
        for own, f in zip(crops, frames, strict=True):
            name = f"The window of frames {self._line.first + int(f[0])}-{self._line.first + int(f[-1])}"
            task = WindowTask(name, own, self._tokens.of(f), self._line.options)
            self._submitted(self._submit(task, self._store))
        return [np.zeros((len(f), 1, 1, 3), np.float32) for f in frames]

    def _submit(self, task: WindowTask, store: WindowStore | None) -> Future[MadeWindow]:
        if store is None:
            return self._pool.submit(task)
        key = store.key_of(task.crops, task.tokens)
        latents = store.load(key)
        if latents is not None:
            return self._pool.submit(replace(task, latents=latents.numpy()))
        made = self._pool.submit(task)
        made.add_done_callback(lambda done: _keep(store, key, done))
        return made


def _keep(store: WindowStore, key: str, done: Future[MadeWindow]) -> None:
    if not done.cancelled() and done.exception() is None:
        store.save(key, torch.from_numpy(done.result().latents))


class TakenWindows:
    """Takes mouths from a pool in the order in which their windows were submitted; called as `Render`."""

    def __init__(self, made: Iterator[Future[MadeWindow]], total: int, progress: Progress | None) -> None:
        self._made, self._total, self._progress, self._done = made, total, progress, 0

    def __call__(self, crops: Sequence[Array], frames: Sequence[IntArray]) -> list[Array]:
        return [self._take() for _ in frames]

    def _take(self) -> Array:
        window = next(self._made)
        self._report()
        while not concurrent.futures.wait([window], _WAKE_SECONDS).done:
            check_stopped()
            self._report()
        self._done += 1
        self._report()
        return window.result().mouths

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(POOL_STAGE, self._done, self._total)
