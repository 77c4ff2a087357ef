"""Measure what the library costs; `python dev.py bench` runs it.

    python dev.py bench                              # presets, scaling and pictures, all with nano: minutes
    python dev.py bench step --upstream CHECKOUT     # a step of full size beside upstream's: half an hour

Figures go to benchmarks/results/speed.json with the machine that they are of, plots beside it, the table of presets
into the README, and pictures of every preset to output/presets.
"""

import argparse
import os
from pathlib import Path

import torch

from . import plots, report
from .presets import measure_presets
from .scaling import measure_scaling
from .sheet import write_sheets
from .step import measure_step


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="dev.py bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: presets scaling pictures")
    parser.add_argument(
        "--upstream", type=Path, metavar="CHECKOUT", help="of bytedance/LatentSync, for `step`"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="in which the ways take turns (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for part in arguments.parts or ("presets", "scaling", "pictures"):
        PARTS[part](arguments)


def run_presets(arguments: argparse.Namespace) -> None:
    rows = measure_presets(arguments.rounds)
    report.save("presets", rows)
    report.write_readme(rows)
    plots.draw_presets(rows, report.RESULTS / "presets.png")


def run_step(arguments: argparse.Namespace) -> None:
    rows = measure_step(arguments.upstream, arguments.rounds, arguments.threads)
    report.save("step", rows)
    plots.draw_step(rows, report.RESULTS / "step.png")


def run_scaling(arguments: argparse.Namespace) -> None:
    sweeps = measure_scaling(arguments.threads)
    report.save("scaling", sweeps)
    plots.draw_scaling(sweeps, report.RESULTS / "scaling.png")


def draw_pictures(arguments: argparse.Namespace) -> None:
    print(*write_sheets(), sep="\n")


PARTS = {"presets": run_presets, "step": run_step, "scaling": run_scaling, "pictures": draw_pictures}

if __name__ == "__main__":
    main()
