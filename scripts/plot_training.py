"""Draw the curves of a training run: one PNG beside each of its .json files."""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of the training run")
    for path in sorted(parser.parse_args().run.glob("*.json")):
        print(draw(json.loads(path.read_text()), path))


def draw(curve, path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for name, values in curve["losses"].items():
        left.semilogy(np.linspace(0, curve["steps"], len(values) + 1)[1:], values, label=name)
    left.set(title=f"{path.stem}: losses", xlabel="step")
    left.legend()
    for name in [key for key in (curve["scores"] or [{}])[0] if key != "step"]:
        right.plot([s["step"] for s in curve["scores"]], [s[name] for s in curve["scores"]], label=name)
    right.set(title="on people, voices and sentences never trained on", xlabel="step")
    right.legend()
    figure.savefig(path.with_suffix(".png"), dpi=90)
    plt.close(figure)
    return path.with_suffix(".png")


if __name__ == "__main__":
    main()
