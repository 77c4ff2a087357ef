"""Who is let in."""

from decimal import Decimal

import pytest
from serve.served import KEY, OTHER_KEY, Served

from latentsync_core.errors import OptionError
from latentsync_core.serve import ServeSettings
from latentsync_core.serve.accounts import Account, Accounts
from latentsync_core.serve.answers import Refusal

WRONG = [
    "", "Bearer", "Bearer x", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}", KEY, f"Bearer {KEY} {KEY}",
    "Bearer \xff\xfe", f"Bearer {KEY.upper()}", "Bearer " + "x" * 8000,
]  # fmt: skip


def read(tmp_path, text, mode=0o600):
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(mode)
    return Accounts.read(path)


@pytest.mark.parametrize("header", WRONG)
def test_wrong_keys_are_refused_and_not_shown(served, header, caplog):
    reply = served.bare.get(f"{served.base_url}/balance", headers={"Authorization": header.encode("latin-1")})
    assert reply.status_code == 401 and reply.json() == {
        "code": 401,
        "message": "invalid API key",
        "data": None,
    }
    assert KEY not in caplog.text


def test_a_key_is_that_of_its_account(tmp_path):
    accounts = read(tmp_path, f"# who\n\nanna {KEY}\nben {OTHER_KEY} 2.50\nanna another-key-of-anna\n")
    assert (
        accounts.identify(f"Bearer {KEY}")
        == accounts.identify("bearer  another-key-of-anna")
        == Account("anna")
    )
    assert accounts.identify(f"Bearer {OTHER_KEY}") == Account("ben", 2_500_000) and not accounts.open
    with pytest.raises(Refusal):
        accounts.identify("Bearer another-key-of-ann")


@pytest.mark.parametrize(
    "text",
    ["", "# nobody\n", "anna short\n", "anna\n", f"an/na {KEY}\n", f"anna {KEY} much\n", f"anna {KEY} -1\n",
     f"anna {KEY} 1 2\n", f"anna {KEY}\nben {KEY}\n", "anna schlüssel-schlüssel\n", f"anna {KEY} nan\n"],
)  # fmt: skip
def test_files_that_are_no_keys_are_refused_without_showing_one(tmp_path, text):
    with pytest.raises(OptionError) as caught:
        read(tmp_path, text)
    assert str(tmp_path) in str(caught.value) and KEY not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(OptionError, match="chmod 600"):
        read(tmp_path, f"anna {KEY}\n", mode)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(OptionError, match="cannot be read"):
        Accounts.read(tmp_path / "none")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "box.lan", ""])
def test_without_keys_only_this_machine_is_served(tmp_path, host):
    with pytest.raises(OptionError, match="--keys"):
        ServeSettings(tmp_path, host=host)
    assert ServeSettings(tmp_path, host=host or "::", keys=tmp_path / "keys")


@pytest.mark.parametrize(
    "wrong",
    [{"port": -1}, {"port": 65536}, {"keep_seconds": 0}, {"public_url": "gpu.example"}, {"public_url": "https://a/b"},
     {"public_url": "ftp://a"}],
)  # fmt: skip
def test_settings_that_make_no_sense(tmp_path, wrong):
    with pytest.raises(OptionError):
        ServeSettings(tmp_path, **wrong)


@pytest.mark.parametrize("keys", [False, f"anna {KEY}\n", f"anna {KEY} 5\nben {OTHER_KEY}\n"])
def test_a_price_wants_credit(tmp_path, keys):
    with pytest.raises(OptionError, match="NAME KEY CREDIT"):
        with Served(tmp_path, keys=keys, price_usd=Decimal(1)):
            raise AssertionError


def test_an_open_endpoint_is_not_for_pages_of_other_sites(tmp_path):
    """A page that the owner looks at can make the browser ask, also under a name that leads here."""
    with Served(tmp_path, keys=False) as served:
        ask = {"url": f"{served.base_url}/balance"}
        assert served.bare.get(**ask).status_code == 200
        for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1.evil.example", "192.168.1.5"):
            assert served.bare.get(**ask, headers={"Host": host}).status_code == 403
        for origin in ("https://evil.example", "null", f"http://localhost:{served.port}"):
            assert served.bare.get(**ask, headers={"Origin": origin}).status_code == 403
        assert served.bare.get(**ask, headers={"Origin": served.origin}).status_code == 200
        simple = {"content": b'{"audio": "https://a/a.wav", "video": "https://a/v.mp4"}'}
        posted = served.bare.post(f"{served.base_url}/bytedance/latentsync", **simple)
        assert posted.status_code == 400 and served.count() == 0


def test_a_public_url_is_what_clients_are_told(tmp_path):
    with Served(tmp_path, public_url="https://gpu.example/") as served:
        ticket = served.web.post("/media/uploads", json={"filename": "a", "size": 1}).json()["data"]
        assert ticket["upload"]["url"].startswith("https://gpu.example/bucket/")
        upload = ticket["upload"]["url"].replace("https://gpu.example", served.origin)
        assert served.bare.put(upload, content=b"x", headers=ticket["upload"]["headers"]).status_code == 200
        task = served.wait(served.submit(dict.fromkeys(("audio", "video"), ticket["download_url"])))
        assert task["outputs"][0].startswith("https://gpu.example/media/results/")
        assert task["urls"]["get"] == f"https://gpu.example/api/v3/predictions/{task['id']}/result"
