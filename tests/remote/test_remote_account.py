"""The account's balance, tasks that are forgotten, and what is known of a model before anything is uploaded."""

import asyncio
from decimal import Decimal
from functools import partial

import pytest
from remote.fake_wavespeed import Fault, demo_audio
from remote.runs import Bench

from latentsync_core import errors
from latentsync_core.cli import main
from latentsync_core.remote import (
    Journal,
    RemoteJob,
    RemoteResult,
    State,
    fetch_balance,
    forget_task,
    remote_lip_sync,
)

UPLOADS = ("ticket#1", "upload#1", "put#1")


@pytest.fixture
def bench(fake, tmp_path, clip, speech):
    folder = tmp_path / "state"
    folder.mkdir()
    return Bench(fake, folder, clip, speech)


def ask(bench, function, *arguments):
    return asyncio.run(function(*arguments, settings=bench.settings(), clock=bench.fake.clock))


def fault(bench, *lines):
    bench.fake.faults = [Fault.parse(line) for line in lines]


def buy(bench, **changes):
    job = RemoteJob(bench.video, bench.audio, bench.output, **changes)
    return asyncio.run(remote_lip_sync(job, settings=bench.settings(), clock=bench.fake.clock))


def entry(bench):
    with Journal(bench.folder) as journal:
        return journal.list_recent(1)[0]


def test_the_balance(bench):
    assert ask(bench, fetch_balance) == Decimal("10.0")
    fault(bench, "balance#1+ http 404")
    assert ask(bench, fetch_balance) == Decimal("10.0")
    fault(bench, "balance#1+ http 401", "account_balance#1+ http 401")
    with pytest.raises(errors.KeyRejectedError, match="asked for the balance"):
        ask(bench, fetch_balance)
    fault(bench, "balance#1+ null", "account_balance#1+ null")
    with pytest.raises(errors.ServerTroubleError):
        ask(bench, fetch_balance)


def test_a_task_that_is_done_is_forgotten_and_its_result_is_kept(bench):
    result = bench.run()
    ask(bench, forget_task, result.prediction_id)
    assert bench.fake.ledger.find(result.prediction_id) is None and entry(bench).state is State.DONE
    assert bench.run().reused and bench.output.exists()
    with pytest.raises(errors.ExpiredError, match="Nothing is left"):
        ask(bench, forget_task, result.prediction_id)
    assert buy(bench, take=2).path and "ticket#3" in bench.fake.calls  # the uploads are not used again


@pytest.mark.parametrize("status", ["created", "processing", "pending", "dancing"])
def test_a_task_that_may_be_running_is_not_forgotten(bench, status):
    result = bench.run()
    fault(bench, f"result#1-99 status {status}")
    with pytest.raises(errors.BadInputError, match=f"is {status}: it may be running"):
        ask(bench, forget_task, result.prediction_id)
    assert "delete#1" not in bench.fake.calls


@pytest.mark.parametrize("status", ["failed", "cancelled", "timeout", "deleted"])
def test_a_task_that_ended_without_a_result_is_forgotten(bench, status):
    fault(bench, f"result#1-99 status {status}")
    error = bench.run()
    ask(bench, forget_task, error.prediction_id)
    assert bench.fake.ledger.find(error.prediction_id) is None


def test_a_result_that_was_not_fetched_is_not_forgotten(bench):
    fault(bench, "media#1+ html")
    identity = bench.run().prediction_id
    with pytest.raises(errors.BadInputError, match="Fetch it first"):
        ask(bench, forget_task, identity)
    fault(bench)
    assert isinstance(bench.run(), RemoteResult)
    ask(bench, forget_task, identity)


def test_a_task_of_elsewhere_is_forgotten(bench, tmp_path):
    identity = bench.run().prediction_id
    bench.folder = tmp_path / "another"
    ask(bench, forget_task, identity)
    assert bench.fake.ledger.find(identity) is None and entry(bench).state is State.EXPIRED
    with pytest.raises(errors.BadInputError, match="6 to 128"):
        ask(bench, forget_task, "../all")


@pytest.mark.parametrize(
    "lines", [["delete#1 close after"], ["delete#1 http 502 after"], ["delete#1 null after"]]
)
def test_a_lost_reply_is_asked_for_again(bench, lines):
    identity = bench.run().prediction_id
    fault(bench, *lines)
    ask(bench, forget_task, identity)
    assert bench.fake.ledger.find(identity) is None


def test_a_host_that_deletes_nothing_is_told_of(bench):
    identity = bench.run().prediction_id
    for line, kind in (
        ("delete#1+ http 403", errors.KeyRejectedError),
        ("result#1+ http 503", errors.ServerTroubleError),
    ):
        fault(bench, line)
        with pytest.raises(kind):
            ask(bench, forget_task, identity)
    fault(bench)
    ask(bench, forget_task, identity)


def test_a_model_that_does_not_exist_is_refused_before_the_upload(bench):
    with pytest.raises(errors.BadInputError, match="lists no model nobody/knows-it"):
        buy(bench, model="nobody/knows-it")
    assert bench.fake.calls == ["models#1"]


def test_a_model_whose_base_price_is_too_high_is_refused_before_the_upload(bench, tmp_path):
    bench.audio = demo_audio(tmp_path / "long.wav", length=41.0)
    with pytest.raises(errors.OverBudgetError, match=r"may cost \$1.35 "):
        buy(bench, model="wavespeed-ai/latentsync")
    assert bench.fake.calls == ["models#1"]


@pytest.mark.parametrize(
    "line", ["models#1+ http 404", "models#1+ null", "models#1+ html", "models#1+ code 500"]
)
def test_a_host_without_a_list_of_models_refuses_none(bench, line):
    fault(bench, line)
    assert buy(bench).path and set(UPLOADS) & set(bench.fake.calls)


def test_commands(bench, monkeypatch, capsys):
    result = bench.run()
    for name, value in (
        ("BASE_URL", bench.fake.base_url),
        ("API_KEY", bench.fake.key),
        ("ALLOW_INSECURE_LOOPBACK", "1"),
    ):
        monkeypatch.setenv(f"WAVESPEED_{name}", value)
    monkeypatch.setenv("LATENTSYNC_STATE_DIR", str(bench.folder))
    for name, function in (("fetch_balance", fetch_balance), ("forget_task", forget_task)):
        monkeypatch.setattr(f"latentsync_core.cli.remote.{name}", partial(function, clock=bench.fake.clock))
    assert main(["remote", "balance"]) == 0 and capsys.readouterr().out == "$9.85\n"
    assert main(["remote", "forget", result.prediction_id]) == 0
    assert f"has deleted {result.prediction_id}" in capsys.readouterr().out and bench.output.exists()
    assert main(["remote", "forget", result.prediction_id]) == 1
    assert "does not know this task" in capsys.readouterr().err
