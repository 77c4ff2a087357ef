"""A stand-in for the computation of `serve`, which writes down what it does, for tests and benchmarks."""

import os
import time

from latentsync_core.serve.place import TaskFolder


class NoGate:
    """Takes every file, without a process for it."""

    async def measure(self, kind, path):
        return 1.0

    def close(self):
        pass


def give_compute():
    """Return the stand-in; its end counts when the outcome is on disk, after which nothing may be computed again.

    It takes COMPUTE_SECONDS of the environment, and writes `begins` and `ends` of each task into the folder's runs.log.
    """
    keep = TaskFolder.keep_outcome

    def keep_and_log(folder, inference_ms):
        keep(folder, inference_ms)
        log(folder, "ends")

    TaskFolder.keep_outcome = keep_and_log
    return compute


def compute(folder, tell):
    log(folder, "begins")
    tell("resync", 1, 2)
    time.sleep(float(os.environ["COMPUTE_SECONDS"]))
    partial = folder.root / "partial"
    partial.write_bytes(folder.media["video"].read_bytes() + folder.media["audio"].read_bytes())
    partial.rename(folder.result)


def log(folder, what):
    with (folder.root.parents[1] / "runs.log").open("a") as file:
        file.write(f"{what} {folder.root.name}\n")
