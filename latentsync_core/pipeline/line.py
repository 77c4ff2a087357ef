"""One line while it is rendered: its mouths fitted to their crops, and pasted into their frames."""

from __future__ import annotations

from collections.abc import Sequence

from ..compositing import Patch, blend_mask, keep_source, read_masks
from ..data import Array, Frame, IntArray
from ..diffusion.windows import Render
from ..faces import crop_size, keep_mask
from ..method import method_of
from ..plan import LinePlan


def fit_mouths(line: LinePlan, make: Render, resolution: int) -> Render:
    """Return `make`, which decodes mouths, with these fitted to their crops; resolution: side of the crops."""
    method, keep = method_of(line.options), keep_mask(resolution)

    def render(crops: Sequence[Array], frames: Sequence[IntArray]) -> list[Array]:
        made = zip(make(crops, frames), crops, strict=True)
        return [method.finish(mouths, own, keep, line.options) for mouths, own in made]

    return render


class LinePaster:
    """Pastes the mouths of a line, of any resolution; alignment: of its matrices, see `DubPlan.resolution`."""

    def __init__(self, line: LinePlan, alignment: int) -> None:
        self._line, self._method = line, method_of(line.options)
        self._size = crop_size(alignment)
        self._blends = dict[int, Array]()
        self._kept = enumerate(read_masks(line.protect, line.plan.source))

    def paste(self, frame: Frame, mouth: Array, index: int) -> Patch:
        """Paste the mouth of a frame of the line; frames are asked for in rising order."""
        options = self._line.options
        mask = self._blend(len(mouth)) * self._line.plan.strength[index]
        seed = options.seed if options.grain else None
        patch = self._method.paste(frame, mouth, self._line.matrices[index], self._size, mask, seed)
        keep = next(mask for number, mask in self._kept if number == index)
        return patch if keep is None else keep_source(frame, patch, keep)

    def _blend(self, side: int) -> Array:
        if side not in self._blends:
            self._blends[side] = blend_mask(keep_mask(side), self._line.options.feather)
        return self._blends[side]
