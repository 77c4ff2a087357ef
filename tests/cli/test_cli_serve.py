"""`serve`: what fails before it listens."""

import pytest

from latentsync_core.cli import main, serve


def test_without_aiohttp_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    assert main(["serve"]) == 1
    assert "pip install aiohttp" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "give --keys FILE"),
        (["--port", "70000"], "A port is 0 to 65535"),
        (["--public-url", "gpu"], "A public URL is"),
        (["--keys", "nowhere"], "The keys in nowhere cannot be read"),
        (["--model", "1.6"], "weights get 1.6"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATENTSYNC_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert main(["serve", "--folder", str(tmp_path / "state"), "--model", "nano", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error


@pytest.mark.parametrize("arguments", [["--keep", "0"], ["--largest", "x"], ["--price", "-1"]])
def test_limits_that_are_none(arguments):
    with pytest.raises(SystemExit):
        main(["serve", *arguments])
