"""The key and the signatures of URLs: where they come from, and that they are not shown."""

import copy
import logging
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latentsync_core.errors import KeyMissingError, OptionError, RemoteError
from latentsync_core.remote import ApiKey, Settings, save_key
from latentsync_core.remote.keys import KEY_NAME, find_key
from latentsync_core.remote.redact import clean_text, log, redact, redact_logs

CANARY = "wsk_canary_5e1f"
ROOT = Path(__file__).resolve().parents[2]


def test_a_key_does_not_show():
    key = ApiKey(f"  {CANARY}\n")
    assert key.reveal() == CANARY
    settings = Settings(Path("/nowhere"), key)
    for shown in (repr(key), str(key), f"{key}", f"{key!r}", repr(settings), repr([key])):
        assert CANARY not in shown and "***" in shown
    assert CANARY.encode() not in pickle.dumps(settings) and pickle.loads(pickle.dumps(key)).reveal() == "***"
    assert copy.deepcopy(settings).key.reveal() == copy.copy(key).reveal() == CANARY


@pytest.mark.parametrize("secret", ["", " \n", "two words", "new\nline", "caf\u00e9", "x" * 1001, "a\x00b"])
def test_what_is_not_a_key(secret):
    with pytest.raises(KeyMissingError) as caught:
        ApiKey(secret)
    assert secret.strip() == "" or secret not in str(caught.value)


def test_an_account_is_told_apart_by_a_tag():
    tags = {ApiKey(key).derive_tag(salt) for key in ("a1", "b2") for salt in (b"1", b"2")}
    assert len(tags) == 4 and all(len(tag) == 8 for tag in tags)


def test_order_of_places(tmp_path):
    def key(**environ):
        return Settings.from_environment({"LATENTSYNC_STATE_DIR": str(tmp_path)} | environ).key

    assert key() is None
    save_key(ApiKey("own"), tmp_path)
    assert key().reveal() == "own"
    (tmp_path / "secret").write_text("named\n")
    named = {"WAVESPEED_API_KEY_FILE": str(tmp_path / "secret")}
    assert key(**named).reveal() == "named"
    assert key(WAVESPEED_API_KEY=" direct ", **named).reveal() == "direct"
    with pytest.raises(KeyMissingError, match="cannot be read"):
        key(WAVESPEED_API_KEY_FILE=str(tmp_path / "absent"))
    with pytest.raises(KeyMissingError, match="remote key set"):
        Settings.from_environment({"LATENTSYNC_STATE_DIR": str(tmp_path / "other")}).require_key()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions of this kind")
def test_the_own_file_is_for_its_owner_only(tmp_path):
    path = save_key(ApiKey(CANARY), tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert Settings.from_environment({"LATENTSYNC_STATE_DIR": str(tmp_path)}).key.reveal() == CANARY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["wavespeed.key"]
    assert stat.S_IMODE(Settings(tmp_path / "new").make_state_dir().stat().st_mode) == 0o700


@pytest.mark.skipif(os.name == "nt", reason="no permissions of that kind")
def test_what_a_key_that_is_a_link_leads_to_keeps_its_permissions(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("wsk_linked")
    mine.chmod(0o644)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / KEY_NAME).symlink_to(mine)
    assert find_key({}, tmp_path / "state").reveal() == "wsk_linked"
    assert stat.S_IMODE(mine.stat().st_mode) == 0o644


def test_a_key_file_that_cannot_be_read(tmp_path):
    (tmp_path / "wavespeed.key").mkdir()
    with pytest.raises(KeyMissingError, match=r"cannot be read.*Check who owns it"):
        Settings.from_environment({"LATENTSYNC_STATE_DIR": str(tmp_path)})


def test_no_key_where_comfyui_serves_files(tmp_path):
    served = tmp_path / "user" / "default"
    served.mkdir(parents=True)
    (served / "key").write_text(CANARY)
    with pytest.raises(KeyMissingError, match="hands out to every browser"):
        Settings.from_environment({"LATENTSYNC_STATE_DIR": str(served / "latentsync")})
    with pytest.raises(KeyMissingError, match="hands out to every browser"):
        Settings.from_environment({"WAVESPEED_API_KEY_FILE": str(served / "key")})
    Settings.from_environment({"LATENTSYNC_STATE_DIR": str(tmp_path / "user" / "__latentsync")})


@pytest.mark.parametrize(
    "url",
    ["http://api.wavespeed.ai", "http://127.0.0.1.evil.com", "ftp://127.0.0.1", "https://u:p@api.wavespeed.ai", "x",
     "https://api.wavespeed.ai/?a=1", "http://10.0.0.1", "https://"],
)  # fmt: skip
def test_base_urls_that_are_refused(url, tmp_path):
    with pytest.raises(OptionError, match="WAVESPEED_BASE_URL"):
        Settings(tmp_path, base_url=url)


def test_base_urls(tmp_path):
    assert Settings(tmp_path, base_url="https://mirror.example/").base_url == "https://mirror.example/api/v3"
    assert Settings(tmp_path, base_url="http://[::1]:80/v3/").base_url == "http://[::1]:80/v3"
    local = {"WAVESPEED_BASE_URL": "http://127.0.0.1:8123", "WAVESPEED_API_KEY": "x1"}
    with pytest.raises(KeyMissingError, match="not sent over plain http"):
        Settings.from_environment(local)
    assert Settings.from_environment(local | {"WAVESPEED_ALLOW_INSECURE_LOOPBACK": "1"}).key.reveal() == "x1"
    for wrong in ("-1", "nan", "inf", "ten"):
        with pytest.raises(OptionError, match="WAVESPEED_DAILY_LIMIT_USD"):
            Settings.from_environment({"WAVESPEED_DAILY_LIMIT_USD": wrong})


def test_redaction():
    text = f"GET https://user:pass@host/a.mp4?X-Amz-Signature=abc#f 'https://h/b?c' {CANARY}."
    assert redact(text, ApiKey(CANARY)) == "GET https://host/a.mp4?... 'https://h/b?...' ***."
    assert clean_text("a\r\n\x1b[2Jb") == "a [2Jb"


def test_addresses_are_redacted_however_they_are_written():
    assert redact("://u@b@host/?q ws://h#f") == "://host/?... ws://h?..." and redact("a@b ?c") == "a@b ?c"
    assert redact("https://h/a@b?c") == "https://h/a@b?..." and redact("://") == "://"


@pytest.mark.parametrize(
    "text", ["a", "a://", "://", "a?", "@", "://a@", "\x00", "://a?b ", "\u0660:", "://\u00e9@"]
)
def test_redaction_is_linear(text):
    """Eight times the text takes about eight times the work, and not sixty-four times."""

    def work(size):
        long = (text * size)[:size]
        times = []
        for _ in range(3):
            begun = time.process_time()
            redact(long)
            times.append(time.process_time() - begun)
        return min(times)

    assert work(8 * 16_000) < 24 * work(16_000) + 0.02
    assert len(clean_text(text * 100_000)) < 410


def test_logs_are_redacted_and_left_as_they_were(caplog):
    loggers = [log, *map(logging.getLogger, ("httpx", "httpcore.http11", "httpcore.connection"))]
    for logger in loggers:  # other libraries make some of them quiet
        caplog.set_level(logging.DEBUG, logger.name)
    with redact_logs(ApiKey(CANARY)):
        for logger in loggers:
            logger.debug("%s of %s", CANARY, "https://h/x?Signature=abc")
    assert len(caplog.messages) == 4 and set(caplog.messages) == {"*** of https://h/x?..."}
    assert all(not logger.filters for logger in loggers)


def test_an_error_says_cause_remedy_id_and_money():
    error = RemoteError("It broke.", "Mend it.", prediction_id="abc123", charge="possible")
    assert str(error) == "It broke. Mend it. Prediction id: abc123. Money may have been spent."
    assert pickle.loads(pickle.dumps(error)).cause == "It broke."


def test_naming_the_parts_imports_no_http():
    probe = (
        "import sys, latentsync_core.remote as r; r.MODELS, r.RemoteJob, r.Journal, r.Settings.from_environment({});"
        "print([m for m in ('httpx', 'av', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
