"""The hosts against contract.json: what they reply, and what they refuse. The fake, and `latentsync serve`."""

import re

import httpx
import pytest
from remote.fake.contract import CONTRACT, ROUTES, data_fields, problems
from remote.fake_wavespeed import Fault
from remote.hosts import FakeHost, ServeHost

ALL_TIME = {"created_after": "2020-01-01T00:00:00Z", "created_before": "2120-01-01T00:00:00Z"}
JSON_ROUTES = [name for name, route in ROUTES.items() if "request" in route]


@pytest.fixture(params=[FakeHost, ServeHost])
def host(request, tmp_path):
    """Each of the hosts, with 10 dollars on the account."""
    with request.param(tmp_path) as running:
        yield running


@pytest.fixture
def web(host):
    """A client with the key."""
    with httpx.Client(base_url=host.base_url, headers={"Authorization": f"Bearer {host.key}"}) as client:
        yield client


@pytest.fixture
def bare():
    """A client without a key, for the media host."""
    with httpx.Client() as client:
        yield client


def upload(web, bare, path):
    ticket = {"filename": path.name, "size": path.stat().st_size, "content_type": "video/mp4"}
    data = web.post("/media/uploads", json=ticket).json()["data"]
    reply = bare.put(data["upload"]["url"], content=path.read_bytes(), headers=data["upload"]["headers"])
    assert reply.status_code == 200, reply.text
    return data["download_url"]


@pytest.fixture
def inputs(web, bare, clip, speech):
    """URLs of an uploaded video and audio."""
    return {"audio": upload(web, bare, speech), "video": upload(web, bare, clip)}


def agree(route, reply):
    """The data of a reply, which agrees with the contract."""
    body = reply.json()
    assert problems(CONTRACT["envelope"], {"code": body["code"], "message": body["message"]}) == []
    assert (reply.status_code, body["code"]) == (200, 200), body
    data = body["data"] if data_fields(route) else {}
    assert problems(data_fields(route), data) == []
    return body["data"]


def good_request(route, inputs):
    bodies = {
        "submit": inputs,
        "history": {"page": 1, "page_size": 10} | ALL_TIME,
        "delete": {"ids": []},
        "ticket": {"filename": "a.wav", "size": 10},
        "price": {"model_id": "bytedance/latentsync", "inputs": inputs},
        "billings": {"page": 1, "page_size": 10},
    }
    return ROUTES[route]["path"].replace("{model}", "bytedance/latentsync"), bodies[route]


def test_a_task_goes_through_its_statuses_and_is_paid_once(host, web, bare, inputs):
    assert agree("balance", web.get("/balance"))["balance"] == 10
    price = agree(
        "price", web.post("/model/price", json={"model_id": "bytedance/latentsync", "inputs": inputs})
    )
    task = agree("submit", web.post("/bytedance/latentsync", json=inputs))
    statuses = []
    for go_on in (host.begin, host.end, lambda: None):
        reply = agree("result", web.get(f"/predictions/{task['id']}/result"))
        statuses.append(reply["status"])
        go_on()
    assert statuses == ["created", "processing", "completed"]
    assert agree("prediction", web.get(f"/predictions/{task['id']}"))["outputs"] == reply["outputs"]
    movie = bare.get(reply["outputs"][0])
    assert movie.content[4:8] == b"ftyp" and movie.headers["content-type"] == "video/mp4"
    assert host.count == 1 and host.dollars == pytest.approx(price["price"]) == 0.15
    assert agree("account_balance", web.get("/account/balance"))["balance"] == pytest.approx(9.85)


def test_history_billings_delete_and_models_agree(host, web, inputs):
    ids = [agree("submit", web.post("/bytedance/latentsync", json=inputs))["id"] for _ in range(4)][1:]
    page = {"page": 2, "page_size": 2, "model": "bytedance/latentsync", "status": "created"} | ALL_TIME
    found = agree("history", web.post("/predictions", json=page))["items"]
    assert found[0]["id"] == ids[0] and found[0]["inputs"] == inputs
    host.end()
    bills = agree("billings", web.post("/billings/search", json={"page": 1, "page_size": 2}))
    assert bills["has_more"] and [bill["prediction"]["uuid"] for bill in bills["items"]] == ids[:0:-1]
    assert agree("delete", web.post("/predictions/delete", json={"ids": ids[:1]}))["deleted_count"] == 1
    assert web.get(f"/predictions/{ids[0]}/result").status_code == 404
    assert host.dollars == pytest.approx(0.60)
    assert [m["model_id"] for m in agree("models", web.get("/models"))][0] == "bytedance/latentsync"


@pytest.mark.parametrize("host", [FakeHost], indirect=True)
def test_failures_have_a_code_and_are_refunded_after_three_hours(host, web, inputs):
    """At the endpoint of one's own a failed task costs nothing in the first place."""
    fake = host.fake
    fake.faults.append(Fault.parse("result#1 error 1200"))
    task = agree("submit", web.post("/bytedance/latentsync", json=inputs))
    fake.clock.advance(60)
    reply = agree("result", web.get(f"/predictions/{task['id']}/result"))
    assert (reply["status"], reply["code"], reply["error"]) == ("failed", 1200, "content moderation")
    assert agree("balance", web.get("/balance"))["balance"] == pytest.approx(9.85)
    fake.clock.advance(3 * 3600)
    assert agree("balance", web.get("/balance"))["balance"] == 10
    kinds = [
        bill["billing_type"]
        for bill in agree("billings", web.post("/billings/search", json={"page": 1, "page_size": 9}))["items"]
    ]
    assert sorted(kinds) == ["deduct", "refund"]


def test_multipart_upload_agrees(web, bare, speech):
    with speech.open("rb") as file:
        reply = web.post("/media/upload/binary", files={"file": ("audio.wav", file, "audio/wav")})
    data = agree("upload", reply)
    assert bare.get(data["download_url"]).content == speech.read_bytes()
    assert web.post("/media/upload/binary", files={"audio": b"x"}).status_code == 400
    assert web.post("/media/upload/binary", json={}).status_code == 400


@pytest.mark.parametrize("route", JSON_ROUTES)
def test_requests_that_are_not_in_the_contract_are_refused(host, web, inputs, route):
    path, body = good_request(route, inputs)
    url = host.origin + path
    assert web.post(url, json=body).status_code == 200
    fields = ROUTES[route]["request"]
    required = [name for name, field in fields.items() if field.get("required")]
    wrong = [{k: v for k, v in body.items() if k != name} for name in required]
    wrong += [body | {name: None} for name in body]
    wrong += [body | {"webhook_url": "https://example.com"}, [body]]
    refused = [web.post(url, json=request).status_code for request in wrong]
    refused += [
        web.post(url, content=str(body)).status_code,
        web.post(url, content=b"{", headers={"Content-Type": "application/json"}).status_code,
    ]
    assert refused == [400] * len(refused)
    assert host.count == (route == "submit")


@pytest.mark.parametrize(
    "name", [name for name, route in ROUTES.items() if route["path"].startswith("/api/")]
)
def test_every_api_route_wants_the_key(host, bare, name):
    path = re.sub(r"{\w+}", "some", ROUTES[name]["path"])
    for headers in ({}, {"Authorization": f"Bearer {host.key}x"}, {"Authorization": host.key}):
        assert bare.request(ROUTES[name]["method"], host.origin + path, headers=headers).status_code == 401


def test_submits_of_data_uris_unknown_models_and_bad_queries_are_refused(host, web, inputs):
    assert (
        web.post("/bytedance/latentsync", json=inputs | {"audio": "data:audio/wav;base64,AA"}).status_code
        == 400
    )
    assert web.post("/bytedance/latentsync", json=inputs | {"sync_mode": "loop"}).status_code == 400
    assert web.post("/bytedance/nosuch", json=inputs).status_code == 404
    assert web.post("/bytedance/latentsync?sync=1", json=inputs).status_code == 400
    assert host.count == 0


@pytest.mark.parametrize("host", [FakeHost], indirect=True)
def test_the_fake_has_models_with_a_sync_mode(web, inputs):
    assert web.post("/sync/lipsync-3", json=inputs | {"sync_mode": "spin"}).status_code == 400
    assert web.post("/sync/lipsync-3", json=inputs | {"sync_mode": "loop"}).status_code == 200


def test_media_that_the_host_cannot_read_fail_the_task(host, web, inputs):
    wrong = inputs | {"audio": "https://elsewhere.invalid/a.wav"}
    task = agree("submit", web.post("/bytedance/latentsync", json=wrong))
    host.end()
    reply = agree("result", web.get(f"/predictions/{task['id']}/result"))
    assert (reply["status"], reply["code"]) == ("failed", 1402) and "media URL not reachable" in reply[
        "error"
    ]


def test_no_credit_no_task(host, web, inputs):
    host.leave(0.1)
    assert web.post("/bytedance/latentsync", json=inputs).status_code == 402
    assert host.count == 0


def ticket_for(web, content):
    data = web.post("/media/uploads", json={"filename": "a.wav", "size": len(content)}).json()["data"]
    return data["upload"]["url"], data["upload"]["headers"]


def test_uploads_that_a_presigned_store_would_refuse(web, bare):
    content = b"x" * 1000
    url, headers = ticket_for(web, content)
    assert bare.put(url, content=content, headers=headers | {"Authorization": "Bearer x"}).status_code == 400
    assert bare.put(url, content=iter([content]), headers=headers).status_code == 411
    assert bare.put(url, content=content[1:], headers=headers).status_code == 400
    assert bare.put(url, content=content).status_code == 403
    assert bare.put(url.replace("/bucket/", "/bucket/x"), content=content, headers=headers).status_code == 403
    assert bare.put(url, content=content, headers=headers).status_code == 200
    assert bare.put(url, content=content, headers=headers).status_code == 412


def test_the_media_host_resumes_by_range_and_etag(host, web, bare, clip):
    url = upload(web, bare, clip)
    data = clip.read_bytes()
    whole = bare.get(url)
    assert whole.content == data and whole.headers["accept-ranges"] == "bytes"
    headers = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    rest = bare.get(url, headers=headers)
    assert rest.status_code == 206 and rest.content == data[100:]
    assert rest.headers["content-range"] == f"bytes 100-{len(data) - 1}/{len(data)}"
    assert bare.get(url, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert bare.head(url).headers["content-length"] == str(len(data))
    assert bare.get(url.replace("/media/uploads/", "/media/uploads/x")).status_code == 404


@pytest.mark.parametrize("host", [FakeHost], indirect=True)
def test_the_fake_notices_what_only_a_wrong_client_does(host, web, bare, clip):
    """The files of the endpoint never change under their URLs, and it lets keys pass that it did not ask for."""
    url, content = upload(web, bare, clip), clip.read_bytes()
    other = bare.get(url, headers={"Range": "bytes=100-", "If-Range": '"old"'})
    assert other.status_code == 200 and other.content == content
    assert bare.get(url, headers={"Authorization": f"Bearer {host.key}"}).status_code == 400
    assert len(host.fake.violations) == 1
