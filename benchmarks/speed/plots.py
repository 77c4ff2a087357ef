"""The figures of the benchmarks as pictures."""

from pathlib import Path

from matplotlib.figure import Figure

from .presets import UPSTREAM


def draw_presets(rows: dict[str, dict], path: Path) -> None:
    """Draw work against error, a dot for each way."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    panel = figure.subplots()
    for name, row in rows.items():
        panel.plot(row["work 512"], row["least psnr"], "o")
        panel.annotate(name, (row["work 512"], row["least psnr"]), (6, -3), textcoords="offset points")
    panel.set(
        xlabel=f"work at 512 px, of {UPSTREAM}",
        ylabel="PSNR in the mask against 50 steps, dB,\n`nano`, worst of three people",
        xlim=(0, 1.3),
    )
    save(figure, path)


def draw_step(rows: dict[str, dict], path: Path) -> None:
    """Draw the CPU seconds of a full-size step, a bar for each way and a dot for each round."""
    figure = Figure(figsize=(7, 0.6 + 0.5 * len(rows)), layout="constrained")
    panel = figure.subplots()
    for place, (name, row) in enumerate(rows.items()):
        panel.barh(place, sorted(row["cpu"])[len(row["cpu"]) // 2], color="lightgrey")
        panel.plot(row["cpu"], [place] * len(row["cpu"]), "k.")
        panel.text(0, place, f" {name}: {row['ratio']:.2f}", va="center")
    panel.set(xlabel="CPU seconds of a step, 256 px, guidance, fp32", yticks=[])
    panel.invert_yaxis()
    save(figure, path)


def draw_scaling(sweeps: dict[str, dict[str, dict]], path: Path) -> None:
    """Draw seconds and memory over length, size and people."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    panels = figure.subplots(2, len(sweeps))
    for (name, rows), (time, memory) in zip(sweeps.items(), panels.T, strict=True):
        values = [float(value) for value in rows]
        for part in ("survey", "resync"):
            time.plot(values, [row[part] for row in rows.values()], "o-", label=part)
        memory.plot(values, [row["memory"] for row in rows.values()], "o-")
        time.set(title=name, ylim=(0, None))
        memory.set(xlabel=name, ylim=(0, None))
    panels[0, 0].set_ylabel("CPU seconds")
    panels[1, 0].set_ylabel("peak memory, GiB")
    panels[0, 0].legend()
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
