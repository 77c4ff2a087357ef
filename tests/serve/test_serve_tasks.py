"""Tasks as their clients see them: ordered once, kept apart, stopped, deleted, forgotten in time."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest
from serve.served import ALL_TIME, KEY, MODEL, OTHER_KEY, Served

from latentsync_core.errors import OptionError
from latentsync_core.serve import Limits
from latentsync_core.serve.prices import price_of


def history(web, **more):
    return web.post("/predictions", json={"page": 1, "page_size": 100} | ALL_TIME | more).json()["data"][
        "items"
    ]


def test_a_result_is_there_for_who_knows_its_address(served):
    done = served.wait(served.submit())
    result = served.bare.get(done["outputs"][0])
    assert result.content == b"videoaudio" and result.headers["content-type"] == "video/mp4"
    assert result.headers["x-content-type-options"] == "nosniff"
    assert (
        done["timings"] == {"inference": 7} and done["error"] == "" and done["has_nsfw_contents"] == [False]
    )
    for wrong in (
        done["outputs"][0].replace("results/", "results/x"),
        f"{served.origin}/media/results/{done['id']}/1.mp4",
    ):
        assert served.bare.get(wrong).status_code == 404


def test_accounts_see_nothing_of_one_another(served):
    served.worker.held = True
    task = served.submit()
    assert served.other.get(f"/predictions/{task}/result").status_code == 404
    assert served.other.post("/predictions/delete", json={"ids": [task]}).json()["data"] == {
        "deleted_count": 0
    }
    assert history(served.other) == [] and [item["id"] for item in history(served.web)] == [task]
    assert served.other.get("/progress").json()["data"]["items"] == []
    theirs = served.submit(web=served.other)
    assert served.web.get(f"/predictions/{theirs}/result").status_code == 404
    assert served.other.get("/webhook/secret").json() != served.web.get("/webhook/secret").json()
    served.worker.held = False
    assert served.wait(task)["id"] == task


def test_tasks_are_done_one_by_one_in_their_order(served):
    served.worker.held = True
    tasks = [served.submit() for _ in range(3)]
    served.until(lambda: served.count("state = 'ready'") == 2)
    items = served.web.get("/progress").json()["data"]["items"]
    assert [item["id"] for item in items] == tasks and [item["ahead"] for item in items] == [0, 0, 1]
    assert items[0] | {"id": ""} == {"id": "", "ahead": 0, "stage": "resync", "done": 1, "total": 2}
    served.worker.held = False
    served.wait(tasks[-1])
    assert served.worker.begun == served.worker.finished == tasks


def test_an_idempotency_key_orders_once(served):
    inputs, key = served.inputs(), {"Idempotency-Key": "order-17"}
    tasks = {served.submit(inputs, headers=key) for _ in range(3)}
    assert len(tasks) == 1 and served.count() == 1
    assert (
        served.submit(inputs, web=served.other, headers=key) not in tasks
    )  # another account's key is another one
    refused = served.web.post(f"/{MODEL}", json=inputs | {"audio": "https://a/b.wav"}, headers=key)
    assert (refused.status_code, served.count()) == (422, 2)
    task = tasks.pop()
    served.wait(task)
    served.web.post("/predictions/delete", json={"ids": [task]})
    again = served.web.post(f"/{MODEL}", json=inputs, headers=key).json()["data"]
    assert (again["id"], again["status"], again["outputs"]) == (task, "deleted", [])
    assert (
        served.web.post(f"/{MODEL}", json=inputs, headers={"Idempotency-Key": "x" * 129}).status_code == 400
    )


def test_an_idempotency_key_orders_once_of_many_at_once(served):
    inputs = served.inputs()
    with ThreadPoolExecutor(8) as pool:
        tasks = list(pool.map(lambda _: served.submit(inputs, headers={"Idempotency-Key": "k"}), range(16)))
    assert len(set(tasks)) == 1 == served.count()


def test_deleted_tasks_leave_nothing(served):
    served.worker.held = True
    running, waiting = served.submit(), served.submit()
    served.until(lambda: served.worker.begun)
    uploads = served.files()
    assert served.web.post("/predictions/delete", json={"ids": [running, waiting, waiting, "none"]}).json()[
        "data"
    ] == {"deleted_count": 2}
    served.until(lambda: served.files() == {name for name in uploads if name.startswith("uploads/")})
    assert served.web.get(f"/predictions/{running}").status_code == 404 and history(served.web) == []
    served.worker.held = False
    done = served.wait(served.submit())
    served.web.post("/predictions/delete", json={"ids": [done["id"]]})
    assert served.bare.get(done["outputs"][0]).status_code == 404
    assert served.worker.finished == [done["id"]]


def test_a_full_queue_refuses_and_loses_nothing(tmp_path):
    with Served(tmp_path, limits=Limits(most_unfinished=2)) as served:
        served.worker.held = True
        inputs = served.inputs()
        tasks = [served.submit(inputs, headers={"Idempotency-Key": f"k{n}"}) for n in range(2)]
        refused = served.web.post(f"/{MODEL}", json=inputs)
        assert refused.status_code == 429 and refused.headers["retry-after"] == "60"
        assert refused.json()["code"] == 429 and "queue is full" in refused.json()["message"]
        assert served.submit(inputs, headers={"Idempotency-Key": "k1"}) == tasks[1]
        served.worker.held = False
        for task in tasks:
            served.wait(task)
        assert served.wait(served.submit(inputs))


def test_what_is_kept_goes_after_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr("latentsync_core.serve.flow._CLEANING_SECONDS", 0.01)
    clock = [1e9]
    with Served(tmp_path, now=lambda: clock[0], keep_seconds=3600) as served:
        inputs = served.inputs()
        done = served.wait(served.submit(inputs))
        failed = served.wait(served.submit(served.inputs(video=b"impossible")), "failed")
        clock[0] += 3599
        assert served.bare.get(done["outputs"][0]).status_code == 200
        clock[0] += 2
        served.until(lambda: served.files() == set())
        for gone in (done["outputs"][0], inputs["video"]):
            assert served.bare.get(gone).status_code == 404
        assert served.web.get(f"/predictions/{failed['id']}").status_code == 404


def test_failures_have_the_documented_code_and_show_no_path(served):
    missing = f"{served.origin}/media/uploads/{'x' * 32}/video.mp4"
    for inputs, code, words in (
        (served.inputs(video=b"impossible"), 1401, "invalid parameter: No face was found."),
        (served.inputs(audio=b"bad"), 1401, "invalid parameter: the audio is not a video or audio file"),
        (
            served.inputs() | {"video": missing},
            1402,
            "media URL not reachable: no such upload, or it was deleted",
        ),
    ):
        failed = served.wait(served.submit(inputs), "failed")
        assert failed["code"] == code and failed["error"].startswith(words) and failed["outputs"] == []
        assert str(served.folder) not in json.dumps(failed)


def test_too_long_media_fail(tmp_path):
    with Served(tmp_path, limits=Limits(longest_seconds=2)) as served:
        failed = served.wait(served.submit(served.inputs(audio=b"x" * 2001)), "failed")
        assert failed["error"] == "invalid parameter: the audio lasts 2.0 s; at most 2 s are taken"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"audio": "https://a/b.wav"}, "missing parameter 'video'"),
        ({"audio": "https://a/b.wav", "video": 1}, "invalid parameter 'video': it is not a string"),
        (
            {"audio": "https://a/b.wav", "video": "x", "enable_sync_mode": True},
            "unknown parameter 'enable_sync_mode'",
        ),
        ({"audio": "https://a/b.wav", "video": "file:///etc/passwd"}, "'video': it is not a URL"),
        ({"audio": "https://a/b.wav", "video": "http://169.254.169.254/"}, "'video': it is not https"),
        ({"audio": "https://a:8443/b.wav", "video": "https://a/b.mp4"}, "'audio': its port is 8443"),
        ({"audio": "https://a/b.wav", "video": "https://" + "a" * 5000}, "'video': it is too long"),
        ({"audio": "", "video": "https://a/b.mp4"}, "'audio': it is not a URL"),
    ],
)
def test_bad_orders_get_a_sentence(served, body, words):
    reply = served.web.post(f"/{MODEL}", json=body)
    assert reply.status_code == 400 == reply.json()["code"] and words in reply.json()["message"]
    assert served.count() == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"audio": 1e999}', b"x" * 2**21]
)
def test_bodies_that_are_no_order(served, content):
    reply = served.web.post(f"/{MODEL}", content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code in (400, 413) and reply.json()["code"] == reply.status_code
    assert served.count() == 0


def test_paths_and_methods_that_are_not_there(served):
    for method, path, status in (
        ("GET", "/nothing", 405),
        ("PUT", "/balance", 405),
        ("POST", "/balance", 404),
    ):
        reply = served.web.request(method, path, json={})
        assert reply.status_code == status == reply.json()["code"]
    assert served.bare.get(f"{served.origin}/nothing").status_code == 404


def test_a_second_server_does_not_get_the_folder(served):
    with pytest.raises(OptionError, match="Another server works in"):
        with Served(served.folder.parent):
            raise AssertionError


def test_a_server_goes_on_with_what_the_last_one_had(tmp_path):
    with Served(tmp_path) as first:
        first.worker.held = True
        tasks = [first.submit() for _ in range(3)]
        first.until(lambda: first.worker.begun)
    with Served(tmp_path) as second:
        for task in tasks:
            second.wait(task)
        assert second.worker.finished == tasks


def test_what_a_killed_server_has_left_half_done_is_removed(tmp_path):
    with Served(tmp_path) as first:
        done = first.wait(first.submit())
        kept = first.files()
    halves = [
        first.folder / "uploads" / ".a.12345678-1-00000000.partial",
        first.folder / "tasks" / "x" / "video",
    ]
    for path in halves:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with Served(tmp_path) as second:
        assert second.files() == kept and second.look(done["id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("seconds", "price"), [(0, 150), (5, 150), (5.0000001, 150), (5.01, 180), (60, 1800)]
)
def test_a_price_goes_by_whole_seconds(seconds, price):
    assert price_of(seconds, Decimal("0.15")) == price * 1000 and price_of(seconds, Decimal(0)) == 0


def test_fifty_clients_at_once(served):
    """Each uploads, orders and fetches its own result, under two accounts."""

    def use(number):
        with httpx.Client(
            verify=False, headers={"Authorization": f"Bearer {(KEY, OTHER_KEY)[number % 2]}"}
        ) as web:
            web.base_url = served.base_url
            inputs = {name: served.upload(f"{name}{number}".encode(), web=web) for name in ("video", "audio")}
            task = served.submit(inputs, web=web)
            barrier.wait()
            while web.get(f"/predictions/{task}").json()["data"]["status"] != "completed":
                time.sleep(0.1)
            url = web.get(f"/predictions/{task}").json()["data"]["outputs"][0]
            return served.bare.get(url).content

    barrier = threading.Barrier(50)
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(use, range(50)))
    assert results == [f"video{number}audio{number}".encode() for number in range(50)]
    assert len(served.worker.begun) == len(set(served.worker.finished)) == 50
