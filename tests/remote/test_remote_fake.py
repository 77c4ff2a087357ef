"""The fake host's faults: each can be written as a line, strikes where it should, and looks as it is named."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from remote.fake.contract import ROUTES
from remote.fake_wavespeed import FAULTS, Fault, ImpatientTransport, pairs

ALL_TIME = {"created_after": "2020-01-01T00:00:00Z", "created_before": "2120-01-01T00:00:00Z"}
ENDLESS = 2**21


class Visitor:
    """Asks a route and says what came: a status, or the name of httpx's exception."""

    def __init__(self, fake, clip, speech):
        self.fake = fake
        self.content = clip.read_bytes()
        self.key = {"Authorization": f"Bearer {fake.key}"}
        self.web = httpx.Client(transport=ImpatientTransport(), timeout=30)
        self.urls = {"video": self.form(clip), "audio": self.form(speech)}
        self.submit()
        fake.clock.advance(60)

    def form(self, path):
        files = {"file": (path.name, path.read_bytes(), "video/mp4")}
        return self.web.post(
            f"{self.fake.base_url}/media/upload/binary", headers=self.key, files=files
        ).json()["data"]["download_url"]

    def look(self, route):
        """All that can be seen of a call: status, headers, content, and whether it takes minutes."""
        before = self.fake.clock.monotonic()
        self.headers, self.body = {}, b""
        status = getattr(self, route)()
        headers = {name: value for name, value in self.headers.items() if name != "date"}
        return status, headers, self.body, self.fake.clock.monotonic() - before > 60

    def ask(self, method, url, **more):
        url = url if url.startswith("http") else self.fake.base_url + url
        headers = more.pop("headers", self.key)
        try:
            with self.web.stream(method, url, headers=headers, **more) as reply:
                self.headers, self.body = dict(reply.headers), b""
                for chunk in reply.iter_raw():
                    self.body += chunk
                    if len(self.body) > ENDLESS:
                        return "endless"
            return reply.status_code
        except httpx.HTTPError as error:
            return type(error).__name__

    def submit(self):
        return self.ask("POST", "/bytedance/latentsync", json=self.urls)

    def result(self):
        return self.ask("GET", f"/predictions/{self.fake.ledger.tasks[0].id}/result")

    def history(self):
        return self.ask("POST", "/predictions", json={"page": 1, "page_size": 9} | ALL_TIME)

    def delete(self):
        return self.ask("POST", "/predictions/delete", json={"ids": []})

    def price(self):
        return self.ask(
            "POST", "/model/price", json={"model_id": "bytedance/latentsync", "inputs": self.urls}
        )

    def balance(self):
        return self.ask("GET", "/balance")

    def models(self):
        return self.ask("GET", "/models")

    def account_balance(self):
        return self.ask("GET", "/account/balance")

    def billings(self):
        return self.ask("POST", "/billings/search", json={"page": 1, "page_size": 9})

    def ticket(self):
        return self.ask("POST", "/media/uploads", json={"filename": "v.mp4", "size": len(self.content)})

    def upload(self):
        files = {"file": ("v.mp4", self.content, "video/mp4")}
        return self.ask("POST", "/media/upload/binary", files=files)

    def put(self):
        self.ticket()
        name, (_, headers, _) = list(self.fake.tickets.items())[-1]
        url = f"{self.fake.origin}/bucket/{name}?X-Amz-Signature={self.fake.signature}"
        return self.ask("PUT", url, content=self.content, headers=headers)

    def media(self):
        return self.ask("GET", self.fake.output_url(self.fake.ledger.tasks[0]), headers={})


@pytest.fixture
def visitor(fake, clip, speech):
    """A visitor at a host without faults, where one task is done."""
    return Visitor(fake, clip, speech)


def next_call(fake, route, fault):
    """The same fault, for the next call of a route alone."""
    call = 1 + sum(name.startswith(f"{route}#") for name in fake.calls)
    return replace(fault, call=call, last=call)


def test_every_fault_can_be_written_down():
    assert len(FAULTS) == len(set(FAULTS)) > 350
    assert [Fault.parse(str(fault)) for fault in FAULTS] == FAULTS
    assert {fault.route for fault in FAULTS} == set(ROUTES) - {"prediction"} | {"server"}
    with pytest.raises(ValueError, match="is no fault"):
        Fault.parse("submit")


def test_two_faults_never_strike_one_call():
    lines = ["price http 500", "price close", "price#1+ http 404", "price#1+ amount 5", "media close"]
    assert [tuple(map(str, pair)) for pair in pairs([Fault.parse(line) for line in lines])] == [
        ("price#1 http 500", "price#2 close"),
        ("price#1 http 500", "price#2+ http 404"),
        ("price#1 http 500", "price#2+ amount 5"),
        ("price#1 http 500", "media#1 close"),
        ("price#1 close", "price#2+ http 404"),
        ("price#1 close", "price#2+ amount 5"),
        ("price#1 close", "media#1 close"),
        ("price#1+ http 404", "media#1 close"),
        ("price#1+ amount 5", "media#1 close"),
    ]


@pytest.mark.parametrize("route", sorted({fault.route for fault in FAULTS} - {"server"}))
def test_every_fault_strikes_and_is_no_accident_of_the_fake(fake, visitor, route, caplog):
    plain = visitor.look(route)
    unnoticed = []
    for fault in (fault for fault in FAULTS if fault.route == route):
        fake.faults = [next_call(fake, route, fault)]
        seen = visitor.look("put" if fault.kind == "expired" else route)
        fake.clock.advance(1000)
        invisible = seen == plain and fault.kind != "down"
        if invisible or fake.fired[-1] != fake.faults[0]:
            unnoticed.append(str(fault))
    accidents = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert accidents == [] and unnoticed == []


LOOKS = {
    "price close": "ReadError|RemoteProtocolError",
    "price hang": "ReadTimeout",
    "price cut 20": "RemoteProtocolError",
    "submit cut 0": "RemoteProtocolError",
    "price http 503": "503",
    "price down 1": "200",
    "media drop 700": "RemoteProtocolError",
    "media stall 700": "ReadTimeout",
    "media endless": "endless",
    "media length 500": "RemoteProtocolError",
    "media length -500": "200",
    "media redirect self": "302",
    "put partial 500": "WriteError|ReadError|RemoteProtocolError",
    "put exists": "412",
}


@pytest.mark.parametrize("line", LOOKS)
def test_what_a_fault_looks_like(fake, visitor, line):
    fault = Fault.parse(line)
    fake.faults = [next_call(fake, fault.route, fault)]
    assert getattr(visitor, fault.route)() in [int(x) if x.isdigit() else x for x in LOOKS[line].split("|")]


@pytest.mark.parametrize("after, tasks", [("", 0), (" after", 1)])
@pytest.mark.parametrize("kind", ["close", "hang", "html", "null", "http 502"])
def test_after_means_that_the_task_exists(fake, visitor, kind, after, tasks):
    fake.faults = [Fault.parse(f"submit#2 {kind}{after}")]
    visitor.submit()
    assert len(fake.ledger.tasks) == 1 + tasks


def test_a_host_that_is_down_refuses_connections_and_comes_back(fake, visitor):
    fake.faults = [Fault.parse("balance#1 down 30")]
    assert visitor.balance() == 200
    assert visitor.balance() == visitor.price() == "ConnectError"
    fake.clock.advance(20)
    assert visitor.balance() == "ConnectError"
    fake.clock.advance(11)
    assert visitor.balance() == 200


def test_a_silence_is_silent_without_the_impatient_transport(fake):
    fake.faults = [Fault.parse("balance#1 hang")]
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{fake.base_url}/balance", timeout=httpx.Timeout(30, read=0.2))


def test_the_command_prints_what_a_client_needs():
    script = Path(__file__).with_name("fake_wavespeed.py")
    command = [sys.executable, str(script), "--fault", "balance#1 http 503"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline() + process.stdout.readline()
        set_by = dict(word.split("=", 1) for word in said.split() if word != "export")
        url, key = set_by["WAVESPEED_BASE_URL"], set_by["WAVESPEED_API_KEY"]
        headers = {"Authorization": f"Bearer {key}"}
        statuses = [httpx.get(f"{url}/balance", headers=headers).status_code for _ in range(2)]
        process.terminate()
    assert statuses == [503, 200]
