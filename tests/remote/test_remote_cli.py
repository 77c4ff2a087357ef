"""The commands: what they print, their exit codes, and that the result is there when they say so."""

import io
import json
from functools import partial

import pytest

from latentsync_core.cli import main
from latentsync_core.remote import remote_lip_sync, resume_task


@pytest.fixture
def fake_host(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("WAVESPEED_BASE_URL", fake.base_url)
    monkeypatch.setenv("WAVESPEED_API_KEY", fake.key)
    monkeypatch.setenv("WAVESPEED_ALLOW_INSECURE_LOOPBACK", "1")
    monkeypatch.setenv("LATENTSYNC_STATE_DIR", str(tmp_path / "state"))
    for name, function in (("remote_lip_sync", remote_lip_sync), ("resume_task", resume_task)):
        monkeypatch.setattr(f"latentsync_core.cli.remote.{name}", partial(function, clock=fake.clock))
    return fake


def test_buy_list_resume(fake_host, clip, speech, tmp_path, capsys):
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    command = ["remote", "sync", str(clip), str(speech), str(out)]
    assert main([*command, "--dry-run"]) == 0 and not out.exists()
    assert "Price: $0.15. Nothing was bought by this run." in capsys.readouterr().out
    assert main([*command, "--report", str(report)]) == 0 and out.exists()
    said = capsys.readouterr()
    task = fake_host.ledger.tasks[0].id
    assert f"Prediction id: {task}" in said.out and f"cost: $0.15, by {fake_host.host}'s bill" in said.out
    assert "processing, $0.15" in said.err and fake_host.key not in said.err + said.out
    assert json.loads(report.read_text())["prediction_id"] == task
    assert main(command) == 0 and "no new cost" in capsys.readouterr().out
    assert main(["remote", "jobs"]) == 0
    listed = capsys.readouterr().out
    assert "done" in listed and task in listed and str(out) in listed and "$0.15" in listed
    assert main(["remote", "price", str(clip), str(speech)]) == 0
    assert "bought already" in capsys.readouterr().out
    out.unlink()
    assert main(["remote", "resume", task]) == 0 and out.exists()  # where `sync` wanted it, not `price`
    assert len(fake_host.ledger.tasks) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"WAVESPEED_API_KEY": ""}, "remote key set"), ({"WAVESPEED_API_KEY": "wrong"}, "refuses the key"),
     ({"WAVESPEED_BASE_URL": "http://evil"}, "WAVESPEED_BASE_URL"), ({"--max-cost": "0.1"}, "--max-cost"),
     ({"--model": "Nope"}, "model id"), ({"OUT": "out.mkv"}, ".mp4"), ({"OUT": "absent/out.mp4"}, "not a folder"),
     ({"AUDIO": "CLIP"}, "no audio stream"), ({"--param": "a=b"}, "takes no parameters")],
)  # fmt: skip
def test_errors_are_one_line_and_leave_nothing(
    fake_host, clip, speech, tmp_path, capsys, monkeypatch, changes, message
):
    for name, value in changes.items():
        if name.isupper() and name not in ("OUT", "AUDIO"):
            monkeypatch.setenv(name, value)
    options = [word for name, value in changes.items() if name.startswith("--") for word in (name, value)]
    out = tmp_path / changes.get("OUT", "out.mp4")
    audio = clip if "AUDIO" in changes else speech
    assert main(["remote", "sync", str(clip), str(audio), str(out), *options]) == 1
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and not out.exists()
    assert len(fake_host.ledger.tasks) == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"state"}


def test_inputs_are_never_overwritten(fake_host, clip, speech, capsys):
    assert main(["remote", "sync", str(clip), str(speech), str(clip)]) == 1
    assert "choose another name" in capsys.readouterr().err and fake_host.calls == []


def test_wrong_arguments(capsys):
    for arguments in (
        ["sync"],
        ["sync", "a", "b", "c", "--max-cost", "much"],
        ["price", "a", "b", "--param", "x"],
        ["sync", "a", "b", "c", "--take", "-1"],
        ["jobs", "--limit", "0"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(["remote", *arguments])
        assert ended.value.code == 2
    assert "such as 1 or 0.50, got much" in capsys.readouterr().err


def test_a_key_is_kept(fake_host, tmp_path, monkeypatch, capsys, clip, speech):
    monkeypatch.delenv("WAVESPEED_API_KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO(fake_host.key + "\n"))
    assert main(["remote", "key", "set"]) == 0
    said = capsys.readouterr()
    assert str(tmp_path / "state" / "wavespeed.key") in said.out and fake_host.key not in said.out + said.err
    assert main(["remote", "sync", str(clip), str(speech), str(tmp_path / "out.mp4")]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["remote", "key", "set"]) == 1 and "empty" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: (_ for _ in ()).throw(EOFError))
    assert main(["remote", "key", "set"]) == 1 and "empty" in capsys.readouterr().err
