"""One line while it is rendered: crops of a window in, mouths out, and back into their frames."""

from __future__ import annotations

from ..compositing import Pasted, blend_mask, keep_source, read_masks
from ..data import Array, IntArray
from ..diffusion.windows import Render
from ..faces import crop_size, keep_mask
from ..method import method_of
from ..plan import LinePlan


class LineRenderer:
    """Renders the windows of a line and pastes their mouths; called as `diffusion.windows.Render`.

    make: decodes mouths that are not yet fitted to their crops. resolution: side of the crops. alignment: of the
    line's matrices, see `DubPlan.resolution`.
    """

    def __init__(self, line: LinePlan, make: Render, resolution: int, alignment: int) -> None:
        self._line, self._make = line, make
        self.first, self._method = line.first, method_of(line.options)
        self._size = crop_size(alignment)
        self._keep = keep_mask(resolution)
        self._blend = blend_mask(self._keep, line.options.feather)
        self._kept = enumerate(read_masks(line.protect, line.plan.source))

    def __call__(self, crops: Array, frames: IntArray) -> Array:
        return self._method.finish(self._make(crops, frames), crops, self._keep, self._line.options)

    def composite(self, frame: Array, mouth: Array, index: int) -> Pasted:
        """Paste the mouth of a frame of the line; frames are asked for in rising order."""
        options = self._line.options
        mask = self._blend * self._line.plan.strength[index]
        seed = options.seed if options.grain else None
        pasted = self._method.paste(frame, mouth, self._line.matrices[index], self._size, mask, seed)
        keep = next(mask for number, mask in self._kept if number == index)
        return pasted if keep is None else keep_source(frame, pasted, keep)
