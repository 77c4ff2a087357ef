"""Clients of the contract, unchanged: this project's own with the host's faults, WaveSpeed's own, and curl."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from aiohttp import web as aiohttp_web
from remote.fake import DISTINCT, FAULTS, AsyncImpatientTransport, VirtualClock, demo_audio, demo_video
from remote.fake.contract import ROUTES
from remote.fake.misbehave import ANYWHERE, NEEDS_REPLY
from remote.hosts import MeasuringGate
from serve.served import KEY, MODEL, Served, StandInWorker

from latentsync_core.cli import main
from latentsync_core.errors import LatentSyncError, OverBudgetError, UnknownOutcomeError
from latentsync_core.remote import ApiKey, Journal, RemoteJob, RemoteResult, Settings, remote_lip_sync
from latentsync_core.serve import server as server_module

PATHS = {route["path"]: name for name, route in ROUTES.items()}
PATHS |= {"/bucket/{put_token}/{name}": "put", "/media/results/{token}/1.mp4": "media"}
ON_THE_WAY = ("submit", "ticket", "put", "result", "media")
OURS = [f for f in DISTINCT if f.kind in ANYWHERE and f.kind != "down" and f.route in ON_THE_WAY]
"""Faults that any route of any host may have, on the way of a job; a host that is down is a process that was killed."""
PREREQUISITES = {"upload": "ticket", "account_balance": "balance"}


class MovieWorker(StandInWorker):
    """The result is the video as it came, which is one that plays."""

    async def compute(self, folder, tell):
        shutil.copyfile(folder.media["video"], folder.result)
        folder.keep_outcome(7)
        self.finished.append(folder.root.name)
        return 7


class HurriedClock(VirtualClock):
    """Waits a little where the client waits long: the endpoint works in real time."""

    async def sleep(self, seconds):
        self.advance(seconds)
        await asyncio.sleep(0.005)


@dataclass
class Misbehaving:
    """Middleware that replies as a script of faults says."""

    faults: list
    clock: VirtualClock

    def __post_init__(self):
        self.calls, self.fired = {}, set()

    async def answer(self, request, handler):
        resource = request.match_info.route.resource
        route = PATHS.get(resource.canonical if resource else "", "submit")
        call = self.calls[route] = self.calls.get(route, 0) + 1
        fault = next((fault for fault in self.faults if fault.strikes(route, call)), None)
        if fault is None:
            return await handler(request)
        self.fired.add(fault)
        done = await handler(request) if fault.after or fault.kind in NEEDS_REPLY else None
        return await ANYWHERE[fault.kind](self, request, fault, done)


class Client:
    """This project's client in a folder of its own, with a video and an audio."""

    def __init__(self, served, folder, clock=None, **settings):
        self.served, self.folder, self.clock = served, folder, clock or HurriedClock()
        settings = {"own_host": True} | settings
        self.settings = Settings(folder / "client", ApiKey(KEY), served.base_url, **settings)
        self.video, self.audio = folder / "v.mp4", folder / "a.wav"

    def run(self, output="out.mp4", **more):
        job = RemoteJob(self.video, self.audio, self.folder / output, **more)
        run = remote_lip_sync(
            job, settings=self.settings, clock=self.clock, transport=AsyncImpatientTransport()
        )
        try:
            return asyncio.run(run)
        except LatentSyncError as error:
            return error


@cache
def made_media():
    folder = Path(tempfile.mkdtemp(prefix="serve-client-"))
    return demo_video(folder / "v.mp4"), demo_audio(folder / "a.wav", length=2.0)


def put_media(folder):
    for path in made_media():
        shutil.copyfile(path, folder / path.name)


@pytest.fixture
def media(tmp_path):
    put_media(tmp_path)


@pytest.fixture
def movies(tmp_path, media):
    with Served(tmp_path, worker=MovieWorker(), gate=MeasuringGate()) as running:
        yield running


def test_the_remote_client_works_by_its_base_url(movies, tmp_path):
    client = Client(movies, tmp_path)
    result = client.run()
    assert isinstance(result, RemoteResult) and result.price_usd == 0 and result.inference_ms == 7
    assert result.path.read_bytes() == client.video.read_bytes()
    assert client.run("again.mp4").reused and movies.count() == 1


def test_the_command_remote_takes_it_from_the_environment(movies, tmp_path, monkeypatch, capsys):
    settings = {"BASE_URL": movies.origin, "ALLOW_INSECURE_LOOPBACK": "1", "API_KEY": KEY}
    for name, value in settings.items():
        monkeypatch.setenv(f"WAVESPEED_{name}", value)
    monkeypatch.setenv("LATENTSYNC_STATE_DIR", str(tmp_path / "client"))
    assert main(["remote", "balance"]) == 0 and "$0" in capsys.readouterr().out
    assert main(["remote", "price", str(tmp_path / "v.mp4"), str(tmp_path / "a.wav")]) == 0
    host = movies.origin.removeprefix("http://")
    assert f"{host} quotes $0" in capsys.readouterr().out and movies.count() == 0


def test_what_is_said_names_the_host_and_not_another_one(movies, tmp_path, caplog):
    host = movies.origin.removeprefix("http://")
    client = Client(movies, tmp_path)
    assert f"{host} computed for" in str(client.run())
    client.settings = replace(client.settings, key=ApiKey("wsk_of_nobody_0123456789"))
    refused = str(client.run(take=2))
    assert f"{host} refuses the key" in refused and "its owner knows which are let in" in refused
    client.settings = replace(client.settings, key=None)
    missing = str(client.run())
    assert f"No {host} key is set" in missing and "keys come from its owner" in missing
    said = f"{refused} {missing} {caplog.text}"
    assert "WaveSpeed" not in said and "wavespeed.ai" not in said


def test_prices_of_ones_own_count_and_those_of_the_page_do_not(tmp_path, media):
    """A minute costs $1.80 by WaveSpeed's page; here the owner says what it costs, and the key what it may."""
    demo_audio(tmp_path / "a.wav", length=60.0)
    keys = f"anna {KEY} 0.05\n"
    with Served(
        tmp_path, worker=MovieWorker(), gate=MeasuringGate(), price_usd=Decimal("0.002"), keys=keys
    ) as served:
        client = Client(served, tmp_path)
        assert isinstance(client.run(max_cost_usd=Decimal("0.02")), OverBudgetError)
        result = client.run(max_cost_usd=Decimal("0.03"))
        assert result.price_usd == result.charged_usd == Decimal("0.024")
        assert isinstance(Client(served, tmp_path, own_host=False).run(take=2), OverBudgetError)
        assert "NoCredit" in type(client.run(take=2) and client.run(take=3)).__name__


def test_jobs_of_one_host_are_not_those_of_another(movies, tmp_path):
    client = Client(movies, tmp_path)
    first = client.run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Served(elsewhere, worker=MovieWorker(), gate=MeasuringGate()) as other:
        client.settings = Settings(tmp_path / "client", ApiKey(KEY), other.base_url, own_host=True)
        second = client.run("second.mp4")
        assert not second.reused and second.prediction_id != first.prediction_id and other.count() == 1
    with Journal(tmp_path / "client") as journal:
        assert len(journal.list_recent()) == 2


def run_with(fault, folder, patch):
    """A run with a fault, and the next one without; return both outcomes and the tasks of the host."""
    script = Misbehaving([fault], HurriedClock())
    if fault.route in PREREQUISITES:
        script.faults.append(fault.parse(f"{PREREQUISITES[fault.route]}#1+ http 404"))
    build = server_module.build_app

    @aiohttp_web.middleware
    async def misbehave(request, handler):
        return await script.answer(request, handler)

    def build_faulty(endpoint):
        app = build(endpoint)
        app.middlewares.insert(0, misbehave)
        return app

    patch.setattr(server_module, "build_app", build_faulty)
    patch.setattr(server_module, "_GRACE_SECONDS", 0.01)  # some requests hang for ever
    folder.mkdir()
    put_media(folder)
    with Served(folder, worker=MovieWorker(), gate=MeasuringGate()) as served:
        client = Client(served, folder, script.clock)
        first = client.run()
        struck = fault in script.fired
        script.faults.clear()
        script.clock.advance(1000)
        second = client.run()
        left = {path.name for path in folder.iterdir()} - {
            "v.mp4",
            "a.wav",
            "keys",
            "state",
            "client",
            "out.mp4",
        }
        return first, second, served.count(), struck, left


def wrong(fault, outcome):
    """What is wrong about a run with a fault."""
    first, second, tasks, struck, left = outcome
    if not struck and fault.route != "history":
        yield "the fault did not strike"
    if tasks > 1 or left:
        yield f"{tasks} tasks, {left} left"
    if any(name in f"{first} {second}" for name in ("WaveSpeed", "wavespeed.ai")):
        yield f"it names another host: {first}, then {second}"
    if not isinstance(second, RemoteResult) and not (isinstance(second, UnknownOutcomeError) and tasks == 0):
        yield f"lost: {first!r}, then {second!r}"


def check(faults, tmp_path, patch):
    found = {}
    for number, fault in enumerate(faults):
        with patch.context() as one:
            found[str(fault)] = list(wrong(fault, run_with(fault, tmp_path / str(number), one)))
    assert {line: problems for line, problems in found.items() if problems} == {}
    return len(found)


def test_faults_on_the_way_lose_nothing_and_order_nothing_twice(tmp_path, monkeypatch):
    assert check(OURS, tmp_path, monkeypatch) > 15


@pytest.mark.slow
def test_every_fault_on_the_way(tmp_path, monkeypatch):
    every = [fault for fault in FAULTS if fault.kind in ANYWHERE and fault.kind != "down"]
    assert (
        check([fault for fault in every if fault.route not in ("delete", "server")], tmp_path, monkeypatch)
        > 200
    )


def test_the_official_client_runs_unchanged(movies, tmp_path):
    """PyPI `wavespeed`; 2.0.5 was the newest when this was written."""
    wavespeed = pytest.importorskip("wavespeed", reason="needs WaveSpeed's own client: pip install wavespeed")
    client = wavespeed.Client(api_key=KEY, base_url=movies.origin)
    inputs = {
        "video": client.upload(str(tmp_path / "v.mp4")),
        "audio": client.upload(str(tmp_path / "a.wav")),
    }
    result = client.run(MODEL, inputs, poll_interval=0.05)
    assert movies.bare.get(result["outputs"][0]).content == (tmp_path / "v.mp4").read_bytes()
    failed = client.run_no_throw(MODEL, inputs | {"audio": inputs["video"]}, poll_interval=0.05)
    assert failed["status"] == "failed" and "the audio has no audio stream" in failed["error"]
    with pytest.raises(RuntimeError, match="HTTP 401: .*invalid API key"):
        wavespeed.Client(api_key="wrong", base_url=movies.origin).run(MODEL, inputs)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_lines_of_the_documentation(movies):
    """Those of the model's page, with the host and the key put in; the first orders nothing, as its body is empty."""

    def curl(*arguments):
        return json.loads(subprocess.run(["curl", "-sS", *arguments], capture_output=True, check=True).stdout)

    key, kind = ("--header", f"Authorization: Bearer {KEY}"), ("--header", "Content-Type: application/json")
    submit = ("--location", "--request", "POST", f"{movies.base_url}/{MODEL}", *kind, *key, "--data-raw")
    assert curl(*submit, "{}") == {"code": 400, "message": "missing parameter 'audio'", "data": None}
    inputs = movies.inputs()
    task = curl(*submit, json.dumps(inputs))["data"]["id"]
    query = ("--location", "--request", "GET", f"{movies.base_url}/predictions/{task}/result", *key)
    assert curl(*query) == {"code": 200, "message": "success", "data": movies.look(task)}
