"""The page, in a real browser: upload, queue, progress, preview, download, deletion, keys, and hostile names."""

import os
import shutil
from pathlib import Path

import pytest
from remote.fake import demo_audio
from remote.hosts import MeasuringGate
from serve.served import KEY, PATIENCE, Served, StandInWorker

playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on PATH, or named by CHROMIUM")

PERSON = Path(__file__).parents[2] / "example_workflows" / "media" / "latentsync_person.mp4"
HOSTILE = "<img src=x onerror=alert(1)>.mp4"
"""The name of a video: if the page took it for HTML, a dialog would open."""


class MovieWorker(StandInWorker):
    """The result is the video as it came, which plays; a short audio fails."""

    async def compute(self, folder, tell):
        await super().compute(folder, tell)
        shutil.copyfile(folder.media["video"], folder.result)
        return 7


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """A page that collects what goes wrong in it."""
    opened = browser.new_page(viewport={"width": 820, "height": 940})
    opened.set_default_timeout(PATIENCE * 1000)
    opened.wrong = []
    opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
    opened.on(
        "console", lambda message: opened.wrong.append(message.text) if message.type == "error" else None
    )
    yield opened
    opened.close()


@pytest.fixture
def media(tmp_path):
    """A video, an audio, and the folder that they are in."""
    video = shutil.copyfile(PERSON, tmp_path / "talk.mp4")
    return video, demo_audio(tmp_path / "new_words.wav"), tmp_path


def order(page, video, audio):
    page.set_input_files("#video", video)
    page.set_input_files("#audio", audio)
    page.click("#send")


def picture(page, name):
    """Keep a picture where SERVE_PICTURES names a folder."""
    if folder := os.environ.get("SERVE_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.jpg", type="jpeg", quality=85)


def all_play(page, count):
    """Wait until so many results can be played."""
    page.wait_for_function(
        "count => [...document.querySelectorAll('video')].filter(v => v.videoWidth === 320).length === count",
        arg=count,
    )


def test_from_upload_to_download(page, media):
    video, audio, folder = media
    with Served(folder, worker=MovieWorker(), gate=MeasuringGate(), keys=False) as served:
        page.goto(served.origin)
        assert page.is_hidden("#key")
        order(page, video, audio)
        page.wait_for_selector("article.completed")
        all_play(page, 1)
        served.worker.held = True
        order(page, video, audio)
        page.wait_for_selector("article.processing progress[value]")
        picture(page, "serve")
        order(page, shutil.copyfile(video, folder / HOSTILE), audio)
        page.wait_for_selector("article.created >> text=next")
        assert page.inner_text("article.created .name") == f"{HOSTILE} + new_words.wav"
        assert page.inner_text("article.processing .name") == "talk.mp4 + new_words.wav"
        assert page.inner_text("article.processing .stage") == "making mouths"
        assert page.eval_on_selector("article.processing progress", "bar => bar.value") == 0.5
        served.worker.held = False
        all_play(page, 3)
        order(page, audio, video)
        page.wait_for_selector(
            "article.failed .error:has-text('invalid parameter: the video has no video stream')"
        )
        with page.expect_download() as download:
            page.click("article.completed >> nth=0 >> text=Download")
        assert download.value.suggested_filename == "lip-sync.mp4"
        assert download.value.path().read_bytes() == video.read_bytes()
        page.on("dialog", lambda dialog: dialog.accept())
        for left in (3, 2, 1, 0):
            page.click("article >> nth=0 >> text=Delete")
            page.wait_for_function("left => document.querySelectorAll('article').length === left", arg=left)
        assert {name.split("/")[0] for name in served.files()} == {"uploads"} and page.wrong == []


def test_a_key_is_asked_for_and_kept_out_of_sight(page, media):
    video, audio, folder = media
    with Served(folder, worker=MovieWorker(), gate=MeasuringGate()) as served:
        page.goto(served.origin)
        page.wait_for_selector("#key")
        for key in ("wrong-key-0123456789", KEY):
            page.fill("#secret", key)
            page.click("text=Use it")
            page.wait_for_selector("#refused" if key != KEY else "#order")
        order(page, video, audio)
        page.wait_for_selector("article.completed")
        assert KEY not in page.content() and KEY not in page.url
        assert page.evaluate("() => JSON.stringify(localStorage)").count(KEY) == 0
        refused = [line for line in page.wrong if "401" not in line]
        assert refused == []


def test_the_page_runs_no_script_but_its_own(page, media):
    with Served(media[2], keys=False) as served:
        page.goto(served.origin)
        page.evaluate(
            "() => { const s = document.createElement('script'); s.text = 'window.planted = 1'; document.body.append(s); }"
        )
        assert page.evaluate("() => window.planted") is None
        assert any("Content Security Policy" in line for line in page.wrong)
