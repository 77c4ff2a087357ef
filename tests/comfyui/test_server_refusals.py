"""What the server says to prompts that cannot work, and how fast it stops."""

import time
from itertools import pairwise
from statistics import median

import pytest
from comfy_server import Refused, of_type, quick, workflow

SECOND = 1.0


@pytest.fixture
def prompt():
    """Frames of the example, speech from a file."""
    speech = {"audio": "latentsync_sentence.flac", "start": 0.0, "duration": 0.0, "normalize": "off"}
    prompt = quick(workflow("04_frames_in_frames_out"))
    prompt["speech"] = {"class_type": "LatentSyncLoadAudio", "inputs": speech}
    set_input("LatentSyncLipSyncFrames", "audio", ["speech", 0])(prompt)
    return prompt


def set_input(class_type, name, value):
    def change(prompt):
        for node in of_type(prompt, class_type):
            prompt[node]["inputs"][name] = value

    return change


def set_quick(name, value):
    return lambda prompt: prompt["quick"]["inputs"].update({name: value})


def silent_clip(prompt):
    """The sound of a video without any, as GetVideoComponents gives it."""
    prompt["silent"] = {"class_type": "LoadVideo", "inputs": {"file": "silent.mp4"}}
    prompt["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["silent", 0]}}
    set_input("LatentSyncLipSyncFrames", "audio", ["parts", 1])(prompt)


def empty_batch(prompt):
    prompt["empty"] = {"class_type": "TestEmptyBatch", "inputs": {}}
    set_input("LatentSyncLipSyncFrames", "images", ["empty", 0])(prompt)


def nobody(prompt):
    """Frames without a face, of a video that is all black."""
    prompt["black"] = {"class_type": "LoadVideo", "inputs": {"file": "silent.mp4"}}
    prompt["parts"] = {"class_type": "GetVideoComponents", "inputs": {"video": ["black", 0]}}
    set_input("LatentSyncLipSyncFrames", "images", ["parts", 0])(prompt)


BAD = {
    "steps out of range": (set_quick("preset.steps", 9999), ("500",)),
    "a wrong preset": (set_quick("preset", "fastest"), ("preset", "not in its menu", "draft")),
    "a wrong length mode": (set_quick("preset.length", "stretch"), ("length", "stretch", "cut_off")),
    "an unknown model": (set_input("LatentSyncLoadModel", "model", "2.0"), ("2.0", "nano")),
    "a model to be downloaded": (set_input("LatentSyncLoadModel", "model", "1.6"), ("1.6 (download",)),
    "a missing file": (set_input("LatentSyncLoadAudio", "audio", "gone.wav"), ("gone.wav", "input folder")),
    "a part that is not there": (set_input("LatentSyncLoadAudio", "start", 60.0), ("60",)),
    "a clip without sound": (silent_clip, ("has no audio",)),
    "no frames": (empty_batch, ("images is empty",)),
    "no face": (nobody, ("No face was found", "LatentSync Faces")),
}


@pytest.fixture(scope="module", autouse=True)
def silent_file(server):
    import numpy as np

    from latentsync_core import open_writer

    with open_writer(server.base / "input" / "silent.mp4", 64, 64, 25) as writer:
        for i in range(5):
            writer.write(np.zeros((64, 64, 3), np.uint8), i / 25)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_prompt_is_refused_with_a_clear_message(server, prompt, case):
    """Refused at once where ComfyUI can know it, else when the node runs; the message says what and what instead."""
    change, words = BAD[case]
    change(prompt)
    try:
        end, data = server.run(prompt).end
        assert end == "execution_error"
        assert data["exception_type"].endswith("Error") and "." not in data["exception_type"]
        message = data["exception_message"]
    except Refused as refused:
        message = str(refused)
    assert [word for word in words if word not in message] == [], message


def test_an_interrupt_is_answered_within_a_step(server, prompt, record_property):
    """Under a second; on a machine so slow that a step takes that long, within two."""
    prompt["quick"]["inputs"] |= {"preset.steps": 50, "preset.guidance": 1.5, "preset": "balanced"}
    node = of_type(prompt, "LatentSyncLipSyncFrames")[0]
    prompt_id = server.queue(prompt)

    def denoising(event):
        mine = event.data.get("prompt_id") == prompt_id and event.data.get("node") == node
        return event.type == "progress" and mine and event.data["max"] % 50 == 0 and event.data["value"] >= 4

    server.wait(denoising)
    asked = time.monotonic()
    server.post("/interrupt", {})
    run = server.finish(prompt_id)
    answered = run.events[-1].time - asked
    assert run.end[0] == "execution_interrupted"
    steps = [e.time for e in run.events if e.type == "progress" and e.data["max"] % 50 == 0]
    step = median(b - a for a, b in pairwise(steps))
    record_property("answered after, a step takes (s)", (round(answered, 2), round(step, 2)))
    assert answered < max(SECOND, 2 * step)
    assert server.run(quick(workflow("06_behind_a_generator"))).end[0] == "execution_success"
    assert server.left_in_temp() == []
