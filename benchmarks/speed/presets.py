"""The presets beside upstream's two ways: work at full size, time and error of `nano`."""

from statistics import median

from latentsync_core import PRESETS, Options

from .error import REFERENCE, Judge
from .work import work_of_second

UPSTREAM, CACHED = "upstream, 20 steps", "upstream, DeepCache 3"
WAYS: dict[str, Options] = {
    UPSTREAM: Options.preset("exact"),
    CACHED: Options.preset("exact", reuse=3),
    **{name: preset for name, preset in PRESETS.items() if name != "exact"},
}
"""What is compared; `exact` is upstream's way."""
RESOLUTIONS = (256, 512)


def measure_presets(rounds: int) -> dict[str, dict[str, object]]:
    """Return the row of every way: its options, work, time (each round) and errors."""
    judge = Judge()
    reference = judge.sample(REFERENCE)
    rows = {name: count_way(options) for name, options in WAYS.items()}
    for name, options in WAYS.items():
        rows[name] |= judge.compare(judge.sample(options), reference)
        print(name, rows[name], flush=True)
    times = [{name: judge.time_second(options) for name, options in WAYS.items()} for _ in range(rounds)]
    for name, row in rows.items():
        row["cpu seconds"] = [round(by_name[name], 3) for by_name in times]
        row["time"] = round(median(by_name[name] / by_name[UPSTREAM] for by_name in times), 3)
    return rows


def count_way(options: Options) -> dict[str, object]:
    """Return what a way is, and its work at full size: TFLOP a second, as a share of upstream's 20 steps."""
    row: dict[str, object] = {
        name: getattr(options, name) for name in ("sampler", "steps", "reuse", "guided", "overlap")
    }
    for resolution in RESOLUTIONS:
        unet, vae = work_of_second(options, resolution)
        whole = sum(work_of_second(WAYS[UPSTREAM], resolution))
        row[f"TFLOP {resolution}"] = round(unet + vae, 1)
        row[f"work {resolution}"] = round((unet + vae) / whole, 3)
        row[f"vae {resolution}"] = round(vae / whole, 3)
    return row
