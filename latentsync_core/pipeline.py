"""Lip-sync a clip: survey the faces, plan every frame, generate the mouths, composite them back."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .ahead import check_stopped, run_ahead
from .compositing import Pasted, blend_mask, check_protect, keep_source, no_alpha, read_masks
from .data import Array, Clip, FaceTrack, FloatArray, IntArray, Plan, Progress, Waveform
from .diffusion import Denoiser, WindowStore, cross_fade
from .errors import OptionError
from .faces import crop_size, fit_track, hold_place, keep_mask, scale_track
from .media import fit
from .media.lengths import describe_part
from .method import Method, method_of
from .models.bundle import LipSyncModels
from .options import Options
from .plan import build_plan
from .speakers import find_face
from .speech import detect_speech, measure_extent, tokens_at

_READ_AHEAD = 8
"""Frames that are decoded and cropped before the denoiser asks for them."""


def lip_sync(
    clip: Clip,
    speech: Waveform,
    models: LipSyncModels,
    options: Options | None = None,
    track: FaceTrack | None = None,
    *,
    plan: Plan | None = None,
    progress: Progress | None = None,
    work: Path | None = None,
    masks: Callable[[Array], None] | None = None,
    protect: Clip | None = None,
) -> Generator[Array, None, None]:
    """Yield the frames of the result in order, each (H, W, 3) of the clip's dtype.

    Frames that pass through are the clip's own arrays: copy them before writing into them. Decoding and denoising run
    in threads, up to two windows ahead of what is yielded; they end when the generator is closed.

    track: the face to re-sync, one entry per frame of the clip, which may have been scaled since; None looks for it.
    plan: of `make_plan` with the same clip, speech, options and track; None makes it. progress: called at the start
    and after each step of the stages `survey`, `listen` and `resync` (in its thread; the total falls by every window
    that is found finished); raise from it, or close the generator, to cancel within a step. work: a folder that keeps
    the survey and finished windows, so that the same call continues an earlier one that stopped (no windows with
    `exact`: they depend on one another). masks: called just before each frame is yielded, with the alpha of the new
    mouth, (H, W) float32 in 0..1; where it is 0 the frame equals that of `clip.read` bit for bit. protect: masks of
    what lies before the face, in frames of the clip's size, one per frame of the clip or one for all: where they are
    white the source stays on top, bit for bit, and in part where they are grey.

    Raises the errors of `latentsync_core.errors`; nothing is denoised before the plan is made.
    """
    options = options or Options()
    if track is None:
        device = str(models.device)
        track = find_face(clip, exact=options.exact, device=device, progress=progress, work=work)
    if plan is None:
        plan = make_plan(clip, speech, options, track, window_frames=models.window_frames, protect=protect)
    elif protect is not None:
        check_protect(protect, clip)
    track = _place(scale_track(track, clip.height, clip.width), clip, options)
    face = _Face.of(clip, track, models, options, method_of(options))
    render = _Renderer(plan, speech, models, options, face, progress, work)
    kept = read_masks(protect, plan.source)
    with closing(run_ahead(_make_mouths(clip, plan, face, render), models.window_frames)) as made:
        for index, ((frame, mouth), keep) in enumerate(zip(made, kept, strict=True)):
            pasted, mask = (
                (frame, no_alpha(frame)) if mouth is None else face.composite(frame, mouth, keep, plan, index)
            )
            if masks is not None:
                masks(mask)
            yield pasted


def _make_mouths(
    clip: Clip, plan: Plan, face: _Face, render: _Renderer
) -> Iterator[tuple[Array, Array | None]]:
    """Yield the source of every output frame and its new mouth, None where it passes through."""
    # The clip is read once: crops are needed up to a window ahead of the mouths, and `frames` holds those between.
    frames: deque[Array] = deque()

    def hold(cut: Iterator[tuple[Array, Array | None]]) -> Iterator[Array | None]:
        for frame, crop in cut:
            frames.append(frame)
            yield crop

    with closing(run_ahead(face.read(clip, plan), _READ_AHEAD)) as cut:
        for mouth in cross_fade(plan, hold(cut), render):
            yield frames.popleft(), mouth


def make_plan(
    clip: Clip,
    speech: Waveform,
    options: Options | None = None,
    track: FaceTrack | None = None,
    *,
    audio_start: float | None = None,
    window_frames: int = 16,
    progress: Progress | None = None,
    protect: Clip | None = None,
) -> Plan:
    """Plan every output frame; nothing is denoised. Arguments as of `lip_sync`.

    audio_start: where the clip is a part of a longer one, the second of the speech at which it begins, >= 0. The whole
    speech is encoded, so that a part comes out as in one go, and a part keeps its frames whatever `options.length` is.
    None: the clip is all there is. With `protect` nothing else decides where a mouth is covered. Raises OptionError for
    another audio_start, and what `lip_sync` raises.
    """
    start, options = _place_part(audio_start, options or Options())
    if protect is not None:
        check_protect(protect, clip)
        options = replace(options, covered="ignore")
    if track is None:
        track = find_face(clip, exact=options.exact, progress=progress)
    track = _place(fit_track(track, clip), clip, options)
    method = method_of(options)
    method.check(clip, options)
    samples = method.prepare_speech(speech)
    seconds = method.measure_speech(speech, len(samples), options.fps or clip.fps)
    extent = measure_extent(samples)
    timeline = fit(clip.times, clip.duration, seconds, options.length, options.fps, extent)
    present = ~np.isnan(method.align(clip, track, 256)[:, 0, 0])
    speaks = detect_speech(samples, timeline.times + start)
    made = build_plan(
        clip, timeline, track, present, speaks, speech.duration, options, window_frames, method.layout
    )
    return (
        made if audio_start is None else replace(made, speech_start=start, notes=describe_part(made, start))
    )


def _place(track: FaceTrack, clip: Clip, options: Options) -> FaceTrack:
    """Return the track with the places at which `options.missing_face` holds the mouth."""
    return hold_place(track, clip.times) if options.missing_face == "hold" else track


def _place_part(audio_start: float | None, options: Options) -> tuple[float, Options]:
    """Return the second of the speech at which the clip begins, and its options: a part keeps its length."""
    if audio_start is None:
        return 0.0, options
    if not 0 <= audio_start < math.inf:
        raise OptionError(f"audio_start takes seconds >= 0, got {audio_start}.")
    return float(audio_start), replace(options, length="silence")


@dataclass(frozen=True)
class _Face:
    """One face as it is cut out of every frame and put back."""

    matrices: FloatArray  # (N, 2, 3), frames of the clip to crops
    resolution: int
    align_resolution: int
    keep: npt.NDArray[np.float32]
    blend: npt.NDArray[np.float32]
    method: Method
    grain_seed: int | None
    """None adds no grain."""

    @classmethod
    def of(
        cls, clip: Clip, track: FaceTrack, models: LipSyncModels, options: Options, method: Method
    ) -> _Face:
        align = models.align_resolution or models.resolution
        keep = keep_mask(models.resolution)
        return cls(
            method.align(clip, track, align),
            models.resolution,
            align,
            keep,
            blend_mask(keep, options.feather),
            method,
            options.seed if options.grain else None,
        )

    def read(self, clip: Clip, plan: Plan) -> Iterator[tuple[Array, Array | None]]:
        """Yield the source of every output frame, and its crop (R, R, 3), None where it is not denoised."""
        denoised = {int(frame) for window in plan.windows for frame in window.frames}
        for index, frame in enumerate(clip.read(plan.source.tolist())):
            yield frame, self._crop(frame, int(plan.source[index])) if index in denoised else None

    def _crop(self, frame: Array, source: int) -> Array:
        return self.method.crop(frame, self.matrices[source], self.resolution, self.align_resolution)

    def composite(self, frame: Array, mouth: Array, keep: Array | None, plan: Plan, index: int) -> Pasted:
        source, size = int(plan.source[index]), crop_size(self.align_resolution)
        mask = self.blend * plan.strength[index]
        pasted = self.method.paste(frame, mouth, self.matrices[source], size, mask, self.grain_seed)
        return pasted if keep is None else keep_source(frame, pasted, keep)


class _Renderer:
    """Crops of a window in, mouths out."""

    def __init__(
        self,
        plan: Plan,
        speech: Waveform,
        models: LipSyncModels,
        options: Options,
        face: _Face,
        progress: Progress | None,
        work: Path | None,
    ) -> None:
        self._plan, self._face, self._options = plan, face, options
        self._progress, self._done = progress, 0
        self._steps, self._total = options.steps, options.steps * len(plan.windows)
        method = face.method
        self._denoiser = Denoiser(models, face.keep, options, self._on_step, method.sample_latents)
        self._store = WindowStore(work, models, options) if work and method.keeps_windows else None
        seconds = plan.speech_start + plan.duration
        self._speech = method.encode(models.whisper, method.prepare_speech(speech), seconds, progress)
        self._report()

    def __call__(self, crops: Array, frames: IntArray) -> Array:
        mouths = self._denoiser.decode(self._latents(crops, self._tokens(frames)))
        return self._face.method.finish(mouths, crops, self._face.keep, self._options)

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
            self._total -= self._steps
            self._report()
        return latents

    def _on_step(self) -> None:
        check_stopped()
        self._done += 1
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress("resync", self._done, self._total)
