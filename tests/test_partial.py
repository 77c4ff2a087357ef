"""Results in the making: what is cleaned away, and what is not."""

import os
import subprocess
import sys
import time

import pytest

from latentsync_core.media import check_output
from latentsync_core.partial import partial_path, remove_abandoned


def left_by_another(folder, name, seconds=0.0, machine=None):
    """A file of a process that is gone, of this or another machine."""
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    with partial_path(folder / name) as path:
        _, stem, rest, *_ = path.name.split(".", 3)
        own, _, number = rest.split("-")
    left = folder / f".{stem}.{machine or own}-{gone.stdout.strip()}-{number}.partial{path.suffix}"
    left.write_bytes(b"part")
    os.utime(left, (time.time() - seconds,) * 2)
    return left


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell which processes live")
def test_what_a_dead_process_left_goes_whatever_the_suffix(tmp_path):
    left = [left_by_another(tmp_path, name) for name in ("out.mp4", "out.mkv", "out")]
    others = [left_by_another(tmp_path, name) for name in ("out2.mp4", "my.mp4")]
    mine = tmp_path / ".out.notes.partial.mp4"
    mine.write_bytes(b"mine")
    check_output(tmp_path / "out.mp4")
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in [*others, mine])


def test_what_this_process_is_at_work_on_stays(tmp_path):
    with partial_path(tmp_path / "out.mp4") as path:
        path.write_bytes(b"part")
        remove_abandoned(tmp_path / "out.mp4")
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("days, stays", [(0.5, True), (2, False)])
def test_another_machine_is_given_a_day(tmp_path, days, stays):
    left = left_by_another(tmp_path, "out.mp4", days * 86400, machine="0123abcd")
    remove_abandoned(tmp_path / "out.mkv")
    assert left.exists() == stays


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell which processes live")
def test_an_empty_folder_that_was_being_filled_can_be_filled_again(tmp_path):
    (tmp_path / "images").mkdir()
    left = left_by_another(tmp_path, "images").rename(tmp_path / "images" / "x")
    left.rename(left.with_name(left_by_another(tmp_path, "images").name))
    check_output(tmp_path / "images")
    assert list((tmp_path / "images").iterdir()) == []
