"""The library's pasting, as whole frames: what comes out, and the alpha of each pixel."""

from latentsync_core import compositing, upstream


def laid(frame, patch):
    return patch.apply(frame), compositing.spread_alpha([patch], frame)


def paste(frame, *given):
    return laid(frame, compositing.paste(frame, *given))


def paste_crop(frame, *given):
    return laid(frame, upstream.paste_crop(frame, *given))
