"""`--protect`: masks on the command line."""

import numpy as np
from PIL import Image

from latentsync_core import FileClip
from latentsync_core.cli import main


def test_masks_keep_the_source_on_top(files, tmp_path, capsys):
    masks = tmp_path / "masks"
    masks.mkdir()
    for number in range(20):
        white = np.full((192, 192, 3), 255 * (number < 10), np.uint8)
        Image.fromarray(white).save(masks / f"mask_{number}.png")
    given = [str(files / "video.mkv"), str(files / "speech.wav")]
    fast = ["--model", str(files / "checkpoint"), "--steps", "1", "--guidance", "1", "--device", "cpu"]
    assert main(["sync", *given, str(tmp_path / "out.mkv"), *fast, "--protect", str(masks)]) == 0
    pairs = zip(
        FileClip(files / "video.mkv").read(range(20)),
        FileClip(tmp_path / "out.mkv").read(range(20)),
        strict=True,
    )
    assert [np.array_equal(a, b) for a, b in pairs] == [True] * 10 + [False] * 10
    (masks / "mask_7.png").unlink()
    for command in ("sync", "plan"):
        out = [str(tmp_path / "no.mkv")] if command == "sync" else []
        assert main([command, *given, *out, "--protect", str(masks)]) == 1
        assert "There are 19 masks and 20 frames" in capsys.readouterr().err
