"""A real ComfyUI without a window: a base folder with the pack in it, the process, HTTP and the websocket."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from support.prompts import defaults, spread

ROOT = Path(__file__).resolve().parents[2]
PACK = "latentsync-native"
WORKFLOWS = ROOT / "tests" / "workflows"
MEDIA = ROOT / "example_workflows" / "media"
FOLDERS = ("custom_nodes", "input", "output", "temp", "user", "models")
NOT_SHIPPED = (".*", "tests", "output", "build", "dist", "__pycache__", "*.egg-info")
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False, "Comfy.Graph.CanvasInfo": False}
"""Nothing lies over the page, so that pictures of it show the graph."""
BOOT_SECONDS = 240
PLAYABLE = 4
"""So many of the newest results stay, as their nodes play them."""
PREVIEW = 4
"""Number of a websocket message that holds a preview picture and whose it is."""
ENDS = {"execution_success", "execution_error", "execution_interrupted"}
NOTHING = {
    "1": {"class_type": "TestEmptyBatch", "inputs": {}},
    "2": {"class_type": "TestCompare", "inputs": {"a": ["1", 0], "b": ["1", 0]}},
}


def install(base):
    """Fill a base folder: the pack as it would be cloned, test nodes, example media."""
    for name in FOLDERS:
        (base / name).mkdir()
    pack = base / "custom_nodes" / PACK
    shutil.copytree(ROOT, pack, ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    for helper in ("helper_nodes.py", "vhs_standin.py"):
        shutil.copy(Path(__file__).with_name(helper), base / "custom_nodes")
    for file in MEDIA.iterdir():
        shutil.copy(file, base / "input")


def workflow(name):
    """A committed API prompt."""
    return json.loads((WORKFLOWS / f"{name}.api.json").read_text(encoding="utf-8"))


def example(name):
    """The committed graph that a user opens."""
    return json.loads((ROOT / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))


def known_inputs(server, prompt):
    """A prompt as a browser sends it: with all widgets, without titles and what this ComfyUI's nodes do not have."""
    schemas = server.json("/object_info")
    for node in prompt.values():
        required, optional = spread(schemas[node["class_type"]]["input"], node["inputs"])
        known = required | optional
        node.pop("_meta", None)
        given = {name: value for name, value in node["inputs"].items() if name in known}
        node["inputs"] = defaults({"optional": optional}) | given
    return prompt


def workflow_names():
    return sorted(path.name.removesuffix(".api.json") for path in WORKFLOWS.glob("*.api.json"))


LOCAL = [name for name in workflow_names() if "remote" not in name]
"""Examples that need nothing but this machine; the other one is run in test_server_remote.py."""


def of_type(prompt, class_type):
    """Ids of the nodes of a type."""
    return [node_id for node_id, node in prompt.items() if node["class_type"] == class_type]


DENOISING = ("LatentSyncLipSyncVideo", "LatentSyncLipSyncFrames", "LatentSyncDub", "LatentSyncMakeMouths")
"""Nodes that take options and denoise."""


def quick(prompt, steps=1, guidance=1.0):
    """The same prompt with few denoising steps."""
    settings = {"preset": "draft", "preset.steps": steps, "preset.guidance": guidance}
    prompt["quick"] = {"class_type": "LatentSyncOptions", "inputs": _draft() | settings}
    for node in prompt.values():
        if node["class_type"] in DENOISING:
            node["inputs"]["options"] = ["quick", 0]
    return prompt


def _draft():
    """What an untouched LatentSync Options sends for draft."""
    (menu,) = committed_schemas()["LatentSyncOptions"]["input"]["required"].values()
    (draft,) = (option for option in menu[1]["options"] if option["key"] == "draft")
    return {f"preset.{name}": entry[1]["default"] for name, entry in draft["inputs"]["required"].items()}


def committed_schemas():
    return json.loads((WORKFLOWS / "object_info.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Event:
    time: float
    type: str
    """ComfyUI's name of the message; "preview" for a picture."""
    data: dict


@dataclass(frozen=True)
class Run:
    """What came over the websocket for one prompt."""

    events: list

    def of(self, kind, node=None):
        """The data of all events of a type, of one node if it is named."""
        found = [event.data for event in self.events if event.type == kind]
        return [data for data in found if node in (None, data.get("node"), data.get("node_id"))]

    @property
    def end(self):
        """(type, data) of the last of ENDS."""
        return [(event.type, event.data) for event in self.events if event.type in ENDS][-1]

    def text(self):
        """All texts that output nodes showed."""
        return "\n".join(line for data in self.of("executed") for line in data["output"].get("text", []))

    def files(self):
        """Subfolder and name of all results that were saved."""
        shown = [entry for data in self.of("executed") for entry in (data["output"] or {}).get("images", [])]
        return [Path(file["subfolder"], file["filename"]) for file in shown if file["type"] == "output"]


@dataclass
class Refused(Exception):
    """A prompt that the server did not take."""

    answer: dict

    def __str__(self):
        return json.dumps(self.answer)


@dataclass
class ComfyServer:
    """`with ComfyServer(checkout, base) as server`."""

    checkout: Path
    base: Path
    events: list = field(default_factory=list)

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.base / "server.log"
        command = [sys.executable, "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(self.port)]
        command += ["--base-directory", str(self.base), "--database-url", "sqlite:///:memory:"]
        quiet = {
            "GOMP_SPINCOUNT": "0",
            "HF_HUB_OFFLINE": "1",
            "LATENTSYNC_MODELS": "",
            "HOME": str(self.base),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--disable-api-nodes"],
                cwd=self.checkout,
                env=os.environ | quiet,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_for_boot()
        except BaseException:
            self.process.kill()
            raise
        self.post("/settings", SETTINGS)
        threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True).start()
        self.wait(lambda event: event.type == "status", 60)  # the first words of ComfyUI to a new listener
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path):
        """The bytes that a GET gives."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, path, content):
        request = urllib.request.Request(
            self.url + path, json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as exc:
            raise Refused(json.loads(exc.read())) from None

    def queue(self, prompt):
        """Queue a prompt and return its id; raises Refused."""
        return self.post("/prompt", {"prompt": prompt, "client_id": "tests"})["prompt_id"]

    def run(self, prompt, timeout=600):
        """Run a prompt to its end."""
        return self.finish(self.queue(prompt), timeout)

    def finish(self, prompt_id, timeout=600):
        self.wait(lambda event: event.type in ENDS and event.data["prompt_id"] == prompt_id, timeout)
        return Run([event for event in list(self.events) if event.data.get("prompt_id") == prompt_id])

    def wait(self, wanted, timeout=600):
        """The first event, also of those seen already, for which `wanted(event)` is true."""
        start, end = 0, time.monotonic() + timeout
        while time.monotonic() < end:
            for start in range(start, len(self.events)):  # noqa: B020
                if wanted(self.events[start]):
                    return self.events[start]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"Nothing came in {timeout} s. The log ends:\n{self.log.read_text()[-4000:]}")

    def newest_status(self, timeout=900):
        """How the newest prompt ended, whoever queued it; waits until nothing runs."""
        end = time.monotonic() + timeout
        while any((queue := self.json("/queue")).values()) and time.monotonic() < end:
            time.sleep(0.5)
        assert not any(queue.values()), f"still running after {timeout} s"
        return list(self.json("/history").values())[-1]["status"]

    def left_in_temp(self):
        """Our files in temp after ComfyUI has dropped all results, but for what is kept and what nodes still play."""
        self.run(NOTHING)  # until another prompt has run, the last one is held
        self.post("/free", {"unload_models": True, "free_memory": True})
        end = time.monotonic() + 15
        while (left := self._ours_in_temp()) and time.monotonic() < end:
            time.sleep(0.2)
        return left

    def _ours_in_temp(self):
        files = [path for path in (self.base / "temp").glob("latentsync_*") if path.is_file()]
        played = sorted(
            (path for path in files if path.suffix == ".mp4"), key=lambda path: path.stat().st_mtime
        )
        return sorted(path.name for path in files if path not in played[-PLAYABLE:])

    def _wait_for_boot(self):
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.get("/system_stats")
                return
            except OSError:
                time.sleep(0.3)
        raise AssertionError(f"ComfyUI did not start:\n{self.log.read_text()[-4000:]}")

    async def _listen(self):
        import aiohttp  # ComfyUI brings it, and without ComfyUI these tests are only collected

        features = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws?clientId=tests", max_msg_size=0) as messages,
        ):
            await messages.send_json(features)
            async for message in messages:
                self._note(message)

    def _note(self, message):
        now = time.monotonic()
        if isinstance(message.data, str):
            content = json.loads(message.data)
            self.events.append(Event(now, content["type"], content["data"] or {}))
        elif isinstance(message.data, bytes) and int.from_bytes(message.data[:4], "big") == PREVIEW:
            end = 8 + int.from_bytes(message.data[4:8], "big")
            about = json.loads(message.data[8:end])
            self.events.append(Event(now, "preview", {**about, "image": message.data[end:]}))
