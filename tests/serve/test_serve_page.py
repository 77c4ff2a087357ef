"""The page, in a real browser: upload, queue, progress, preview, download, deletion, keys, and hostile names."""

import os
import shutil

import pytest
from remote.fake import demo_audio, demo_video
from remote.hosts import MeasuringGate
from serve.served import KEY, PATIENCE, Served, StandInWorker

playwright = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on PATH, or named by CHROMIUM")

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
    opened = browser.new_page(viewport={"width": 820, "height": 900})
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
    video = demo_video(tmp_path / HOSTILE, length=2.0, fps=10, size=320)
    return video, demo_audio(tmp_path / "speech.wav"), tmp_path


def order(page, video, audio):
    page.set_input_files("#video", video)
    page.set_input_files("#audio", audio)
    page.click("#send")


def picture(page, name):
    """Keep a picture where SERVE_PICTURES names a folder."""
    if folder := os.environ.get("SERVE_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_from_upload_to_download(page, media):
    video, audio, folder = media
    with Served(folder, worker=MovieWorker(), gate=MeasuringGate(), keys=False) as served:
        served.worker.held = True
        page.goto(served.origin)
        assert page.is_hidden("#key")
        order(page, video, audio)
        page.wait_for_selector("article.processing")
        order(page, video, audio)
        page.wait_for_selector("article.created")
        page.wait_for_selector("text=next")
        assert page.inner_text("article.processing .name") == f"{HOSTILE} + speech.wav"
        assert page.inner_text("article.processing .stage") == "making mouths"
        assert page.eval_on_selector("article.processing progress", "bar => bar.value") == 0.5
        picture(page, "queue")
        served.worker.held = False
        page.wait_for_selector("article.completed")
        page.wait_for_function("() => document.querySelectorAll('article.completed').length === 2")
        page.wait_for_function(
            "() => [...document.querySelectorAll('video')].every(video => video.videoWidth === 320)"
        )
        order(page, audio, video)
        page.wait_for_selector("article.failed .error:has-text('the audio has no audio stream')")
        picture(page, "results")
        with page.expect_download() as download:
            page.click("article.completed >> nth=0 >> text=Download")
        assert download.value.suggested_filename == "lip-sync.mp4"
        assert download.value.path().read_bytes() == video.read_bytes()
        page.on("dialog", lambda dialog: dialog.accept())
        while page.query_selector("article"):
            count = len(page.query_selector_all("article"))
            page.click("article >> nth=0 >> text=Delete")
            page.wait_for_function("count => document.querySelectorAll('article').length < count", arg=count)
        assert {name.split("/")[0] for name in served.files()} == {"uploads"} and page.wrong == []


def test_a_key_is_asked_for_and_kept_out_of_sight(page, media):
    video, audio, folder = media
    with Served(folder, worker=MovieWorker(), gate=MeasuringGate()) as served:
        page.goto(served.origin)
        page.wait_for_selector("#key")
        picture(page, "key")
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
