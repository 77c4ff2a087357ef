"""A folder with the audio of three lines."""

import pytest
from cue_files import write_audio


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2, 3):
        write_audio(tmp_path / "sheet" / f"line_{number}.wav")
    return tmp_path / "sheet"
