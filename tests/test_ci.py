"""What surrounds the code: workflows, issue forms, lower bounds."""

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from lowest_versions import lowest_versions  # noqa: E402

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def read(path):
    return yaml.safe_load((ROOT / ".github" / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def matrix():
    return read("workflows/tests.yml")["jobs"]["test"]["strategy"]["matrix"]


def test_three_systems_run_the_lowest_and_the_newest_packages(matrix):
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["packages"] == ["lowest", "newest"] == [row["packages"] for row in matrix["include"]]


def test_the_lowest_packages_run_on_the_oldest_python_that_is_promised(matrix):
    oldest = re.search(r'^requires-python = ">=(.+)"$', PROJECT, re.MULTILINE)[1]
    lowest, newest = (row["python"] for row in matrix["include"])
    assert lowest == oldest and newest != oldest


def test_every_requirement_has_a_lowest_version():
    held = lowest_versions()
    assert all(re.fullmatch(r"[a-z0-9_-]+==[0-9.]+", line) for line in held)
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    extras = re.findall(r'"([a-z0-9_-]+>=[0-9.]+)', PROJECT.split("[project.optional-dependencies]")[1])
    assert set(held) == {line.replace(">=", "==") for line in required + extras} and len(extras) > 5


def test_nothing_is_published_that_was_not_tested():
    publish = read("workflows/publish.yml")
    assert publish["jobs"]["publish"]["needs"] == "tests"
    assert publish["jobs"]["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert "workflow_call" in read("workflows/tests.yml")[True]  # YAML 1.1 reads `on` as true


def test_a_report_of_a_bug_brings_versions_log_and_plan():
    fields = {field.get("id"): field for field in read("ISSUE_TEMPLATE/bug.yml")["body"]}
    assert {"versions", "log", "plan"} <= set(fields)
    assert "-v" in fields["log"]["attributes"]["label"]
