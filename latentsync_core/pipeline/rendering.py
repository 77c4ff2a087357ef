"""Render a planned dub: one decode, the mouths of all lines, one composite."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

from ..ahead import run_ahead
from ..compositing import Patch, spread_alpha
from ..data import Array, Frame, Progress
from ..diffusion import WindowStore, cross_fade, settle_batch
from ..diffusion.windows import Render
from ..errors import OptionError
from ..method import check_independent, method_of
from ..models.bundle import LipSyncModels
from ..plan import DubPlan, LinePlan
from ..pool import IN_FLIGHT, MadeWindow, WindowPool
from .line import LinePaster, fit_mouths
from .windows import LineTokens, OwnWindows, StepCounter, SubmittedWindows, TakenWindows

READ_AHEAD = 8
"""Frames that are decoded and cropped before the denoiser asks for them."""

Mouths = dict[int, Array]
"""For the number of each line that changes a frame, from 0 and rising: the new mouth (R, R, 3) in 0..255."""

Crops = dict[int, Array | None]
"""For the number of each line that has a frame: the frame's crop (R, R, 3), None where the line does not denoise it."""


def render(
    dub: DubPlan,
    models: LipSyncModels,
    *,
    progress: Progress | None = None,
    work: Path | None = None,
    masks: Callable[[Array], None] | None = None,
    pool: WindowPool | None = None,
) -> Generator[Frame, None, None]:
    """Yield the frames of a planned dub in order, each (H, W, 3), of the kind and dtype that the clip's are.

    Frames of a file keep its samples but for those of the mouth; `numpy.asarray(frame)` is RGB. Frames that no line
    changes are the clip's own: do not write into them. Decoding and denoising run in threads, up to two windows, or
    `models.batch` times as many, ahead of what is yielded; they end when the generator is closed.

    progress: called at the start and after each step of the stages `listen` and `resync` (in its thread; the total
    falls by every window that is found finished); raise from it, or close the generator, to cancel within a step. work:
    a folder that keeps finished windows, so that the same call continues an earlier one that stopped (not with
    `exact`: there they depend on one another). masks: called just before each frame is yielded, with the alpha of what
    is new, (H, W) float32 in 0..1; where it is 0 the frame equals that of `clip.read` bit for bit. pool: makes the
    windows, of which the stage `windows` then reports, and not `resync`; the UNet of `models` is not used.

    Raises CueError where a line has a problem, OptionError where the plan was made for other networks or `exact` shall
    be made by a pool, and the errors of `latentsync_core.errors`.
    """
    with closing(_open(dub, models, progress, work, pool)) as made:
        yield from _composite(dub, made, masks)


def make_mouths(
    dub: DubPlan,
    models: LipSyncModels,
    *,
    progress: Progress | None = None,
    work: Path | None = None,
    pool: WindowPool | None = None,
) -> Generator[Mouths, None, None]:
    """Yield the mouths of each output frame of a planned dub, which `paste_mouths` takes; arguments as of `render`.

    All of them take R * R * 12 bytes for each re-synced frame, 3 MB at 512 px.
    """
    with closing(_open(dub, models, progress, work, pool)) as made:
        for _, mouths in made:
            yield mouths


def paste_mouths(
    dub: DubPlan, mouths: Iterable[Mouths], *, masks: Callable[[Array], None] | None = None
) -> Generator[Frame, None, None]:
    """Yield the frames of a planned dub with mouths that were made before, one item for each output frame.

    Those of `make_mouths` give what `render` does, bit for bit; others may have another resolution, each its own.
    masks: as of `render`.
    """
    frames = dub.clip.read(dub.source.tolist())
    yield from _composite(dub, zip(frames, mouths, strict=True), masks)


def _open(
    dub: DubPlan,
    models: LipSyncModels,
    progress: Progress | None,
    work: Path | None,
    pool: WindowPool | None,
) -> Generator[tuple[Frame, Mouths], None, None]:
    """Check what is asked for, and return the source of every output frame, and its mouths, made in a thread."""
    _check(dub, models, pool)
    if pool is not None:
        mouths = _make_pooled(dub, models, progress, work, pool, pool.wait_for_worker().networks)
        return run_ahead(mouths, dub.window_frames)
    models = settle_batch(models, dub.windows)
    return run_ahead(_make_own(dub, models, progress, work), dub.window_frames * (models.batch or 1))


def _composite(
    dub: DubPlan, made: Iterable[tuple[Frame, Mouths]], masks: Callable[[Array], None] | None
) -> Iterator[Frame]:
    """Yield the frames with their mouths pasted, later lines over earlier ones."""
    pasters = dict[int, LinePaster]()
    for index, ((frame, mouths), numbers) in enumerate(zip(made, dub.find_lines(), strict=True)):
        pasters = {n: pasters.get(n) or LinePaster(dub.lines[n], dub.resolution) for n in numbers}
        patches: list[Patch] = []
        for number, mouth in mouths.items():
            patches.append(pasters[number].paste(frame, mouth, index - dub.lines[number].first))
            frame = patches[-1].apply(frame)
        if masks is not None:
            masks(spread_alpha(patches, frame))
        yield frame


def _check(dub: DubPlan, models: LipSyncModels, pool: WindowPool | None) -> None:
    if dub.problems:
        raise dub.problems[0]
    if (dub.resolution, dub.window_frames) != (models.alignment, models.window_frames):
        raise OptionError(
            f"The plan is for crops of {dub.resolution} px and windows of {dub.window_frames} frames, "
            f"{models.name} has {models.alignment} px and {models.window_frames}; plan with models=..."
        )
    for line in dub.lines if pool is not None else ():
        check_independent(line.options)


def _make_own(
    dub: DubPlan, models: LipSyncModels, progress: Progress | None, work: Path | None
) -> Iterator[tuple[Frame, Mouths]]:
    """Yield the source of every output frame, and the mouths that are new in it, made in this process."""
    counter = StepCounter(progress, dub)

    def open_line(line: LinePlan) -> Render:
        return fit_mouths(line, OwnWindows(line, models, counter, work), models.resolution)

    return _make_mouths(dub, models.resolution, open_line, models.batch or 1)


def _make_pooled(
    dub: DubPlan,
    models: LipSyncModels,
    progress: Progress | None,
    work: Path | None,
    pool: WindowPool,
    networks: str,
) -> Iterator[tuple[Frame, Mouths]]:
    """Yield the same, made by a pool: a thread reads the clip ahead, and submits the windows in the very same order."""

    def submit_line(line: LinePlan) -> SubmittedWindows:
        tokens = LineTokens(line, models.whisper, progress)
        store = WindowStore(work, networks, line.options) if work else None
        return SubmittedWindows(line, tokens, pool, store, submitted.append)

    def submit() -> Iterator[Future[MadeWindow]]:
        for _ in _make_mouths(dub, models.resolution, submit_line):
            while submitted:
                yield submitted.popleft()

    def open_line(line: LinePlan) -> Render:
        return fit_mouths(line, taken, models.resolution)

    submitted: deque[Future[MadeWindow]] = deque()
    # As many as the workers have, and a few that are finished, so that nobody waits for anybody.
    with closing(run_ahead(submit(), IN_FLIGHT * (len(pool) + 1))) as made:
        taken = TakenWindows(made, dub.windows, progress)
        yield from _make_mouths(dub, models.resolution, open_line)


def _make_mouths(
    dub: DubPlan, resolution: int, open_line: Callable[[LinePlan], Render], batch: int = 1
) -> Iterator[tuple[Frame, Mouths]]:
    """Yield the source of every output frame, and the mouths that are new in it, as `open_line` renders its lines.

    batch: as of `cross_fade`.
    """
    open_lines = dict[int, Iterator[Array | None]]()
    with closing(run_ahead(_read(dub, resolution), READ_AHEAD)) as stream:
        feed = _Feed(stream)
        for numbers in dub.find_lines():
            for number in numbers:
                if number not in open_lines:
                    line = dub.lines[number]
                    open_lines[number] = cross_fade(line.plan, feed.take(number), open_line(line), batch)
            open_lines = {number: open_lines[number] for number in numbers}
            made = {number: next(mouths) for number, mouths in open_lines.items()}
            yield feed.next_frame(), {n: mouth for n, mouth in made.items() if mouth is not None}


def _read(dub: DubPlan, resolution: int) -> Iterator[tuple[Frame, Crops]]:
    """Yield the source of every output frame, and its crops."""
    denoised = [
        {line.first + int(i) for window in line.plan.windows for i in window.frames} for line in dub.lines
    ]
    frames = zip(dub.clip.read(dub.source.tolist()), dub.find_lines(), strict=True)
    for index, (frame, numbers) in enumerate(frames):
        yield (
            frame,
            {
                n: _crop(frame, dub, dub.lines[n], index, resolution) if index in denoised[n] else None
                for n in numbers
            },
        )


def _crop(frame: Frame, dub: DubPlan, line: LinePlan, index: int, resolution: int) -> Array:
    matrix = line.matrices[index - line.first]
    return method_of(line.options).crop(frame, matrix, resolution, dub.resolution)


class _Feed:
    """Reads frames and crops forward, and holds them until they are asked for.

    Lines ask for crops up to a window ahead of the frames that are composited.
    """

    def __init__(self, stream: Iterator[tuple[Frame, Crops]]) -> None:
        self._stream = stream
        self._frames: deque[Frame] = deque()
        self._crops: defaultdict[int, deque[Array | None]] = defaultdict(deque)

    def next_frame(self) -> Frame:
        while not self._frames:
            self._pull()
        return self._frames.popleft()

    def take(self, number: int) -> Iterator[Array | None]:
        """Yield what the line of a number has for each of its frames."""
        crops = self._crops[number]
        while True:
            while not crops:
                self._pull()
            yield crops.popleft()

    def _pull(self) -> None:
        frame, crops = next(self._stream)
        self._frames.append(frame)
        for number, crop in crops.items():
            self._crops[number].append(crop)
