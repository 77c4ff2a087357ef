"""What people read on the canvas: messages of nodes and widgets, under the name of the error alone."""

import ast
import re
import traceback

import pytest
import torch
from comfy_setup import ROOT

OF_PYTHON = re.compile(
    r"`(?:python|latentsync)|python -m|FaceTrack|TensorClip|Waveform|\bdtype\b|\.(?:float|astype)\(|"
    r"\[\.\.\.|samples\[|\bpip |\blibrary\b|(?<![\w-])--[a-zA-Z]|\w=[\"a-z]|use float16|float32 \("
)
"""What to type in Python or at a command line."""
ELSEWHERE = ("cli/", "pool/", "serve/", "dub/fcpxml_", "dub/otio_", "dub/timeline_")
"""Paths of the library that no node calls."""
NEVER_SHOWN = ("`exact` agrees with upstream", "Path | Waveform", "multipart/form-data", "--X1\r\n")
"""Logged, sent, or no message at all."""


def messages():
    """(file, text) of every text of the library with a space in it; what is filled in is X1."""
    core = ROOT / "latentsync_core"
    for path in sorted(core.rglob("*.py")):
        name = path.relative_to(core).as_posix()
        if not name.startswith(ELSEWHERE):
            for text in _texts(ast.parse(path.read_text(encoding="utf-8"))):
                yield name, text


def _texts(tree):
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            text = "".join(part.value if isinstance(part, ast.Constant) else "X1" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            text = node.value
        else:
            continue
        if " " in text:
            yield text


def test_no_message_speaks_of_python_or_a_command_line(bridge):
    reword = [(file, bridge("words").reword(text)) for file, text in messages()]
    found = [line for line in reword if OF_PYTHON.search(line[1]) and not line[1].startswith(NEVER_SHOWN)]
    assert found == [], "give them words in nodes/bridge/words.py"


def test_every_line_of_the_words_is_needed(bridge):
    texts = [text for _, text in messages()]
    unused = [
        pattern for pattern in bridge("words").WORDS if not any(re.search(pattern, text) for text in texts)
    ]
    assert unused == []


@pytest.fixture
def nobody(images, audio):
    return {"images": torch.zeros_like(images), "audio": audio, "fps": 25.0}


def test_an_error_is_shown_by_its_name_and_in_words_of_nodes(run, nobody, model, core):
    with pytest.raises(core.errors.FaceError, match="look at what LatentSync Faces finds") as output:
        run("LatentSyncLipSyncFrames", **nobody, model=model)
    kind = type(output.value)
    assert (kind.__module__, kind.__qualname__) == ("builtins", "FaceError")
    assert isinstance(output.value, core.LatentSyncError) and "FaceTrack" not in str(output.value)
    assert traceback.format_exception_only(output.value)[0].startswith("FaceError: No face was found")


def test_a_report_of_an_error_is_in_words_of_nodes_too(run, nobody):
    report = run("LatentSyncFaces", images=nobody["images"], fps=25.0)[2]
    assert "look at what LatentSync Faces finds" in report and "FaceTrack" not in report


def test_a_node_that_waits_tells_its_errors_so_too(run, nobody, core, monkeypatch):
    monkeypatch.delenv("WAVESPEED_API_KEY", raising=False)
    with pytest.raises(core.errors.KeyMissingError) as output:
        run("LatentSyncRemote", **nobody)
    assert type(output.value).__module__ == "builtins"
    assert str(output.value).startswith(output.value.cause) and output.value.charge == "none"


def test_every_node_speaks(nodes):
    assert {node.execute.__wrapped__ is not None for node in nodes.values()} == {True}


def test_what_other_libraries_raise_stays_as_it_is(bridge):
    for error in KeyError("dtype takes"), KeyboardInterrupt():
        with pytest.raises(type(error)) as output, bridge("words").reword_errors():
            raise error
        assert output.value is error
