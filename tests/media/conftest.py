"""One short video of each kind."""

import av
import pytest
from media_files import KINDS, make_video


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """A file of each kind with its frames, decoded plainly."""
    folder = tmp_path_factory.mktemp("videos with späces 視頻")
    made = {}
    for name, (codec, pix_fmt, options) in KINDS.items():
        if codec in av.codecs_available:
            made[name] = make_video(folder / name, codec, pix_fmt, **options)
    return made
