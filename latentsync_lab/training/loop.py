"""What all training loops share: the optimiser, the averaged weights, exact resuming and the curve."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from torch import Tensor, nn

from latentsync_core.data import Progress
from latentsync_core.errors import InputError
from latentsync_core.partial import replacing

from .curves import draw_curve
from .recipes import LoopRecipe

log = logging.getLogger(__name__)

Validate = Callable[[nn.Module, int], dict[str, float]]
"""Shows what a network makes at a step (a video, say), and returns its scores."""
SAVE_SECONDS = 600
"""A run is saved at least this often, however long its steps take."""


class Run:
    """A network in training, kept in `folder`/`name`.pt every so often.

    Everything random in a step is a function of the recipe's seed, the step and the process (`rng`,
    `generator`), so a run that was stopped and resumed makes the same weights as one that was not, and each
    process of a run on several GPUs (torchrun) draws windows of its own.
    """

    def __init__(
        self,
        name: str,
        module: nn.Module,
        recipe: LoopRecipe,
        folder: Path,
        groups: list[dict[str, Any]] | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        """groups: parameter groups, each with `scale`, a factor on the learning rate; None is all alike.

        progress is called as `progress(name, step, steps)` after every step, on the first process.
        """
        self.name, self.recipe, self.folder = name, recipe, folder
        self._progress = progress
        self.accelerator = Accelerator(
            mixed_precision=recipe.precision if torch.cuda.is_available() else "no"
        )
        self._mean = copy.deepcopy(module).eval().requires_grad_(False) if recipe.ema else None
        if recipe.checkpointing:
            cast(Any, module).enable_gradient_checkpointing()
        optimizer = torch.optim.AdamW(
            groups or [{"params": [p for p in module.parameters() if p.requires_grad], "scale": 1.0}],
            lr=recipe.learning_rate,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
        )
        self.model, self.optimizer = self.accelerator.prepare(module, optimizer)
        self.module = self.accelerator.unwrap_model(self.model)
        if self._mean is not None:
            self._mean.to(self.accelerator.device)
        self.step = 0
        self.losses: dict[str, list[float]] = {}
        self.scores: list[dict[str, float]] = []
        self._restore()

    @property
    def ema(self) -> nn.Module:
        """The averaged network, which is the result; with `ema` 0 the one that learns, of which no copy is kept."""
        return self.module if self._mean is None else self._mean

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.pt"

    @property
    def done(self) -> bool:
        return self.step >= self.recipe.steps

    def steps(self) -> Iterator[int]:
        """Count the steps that are left; save every `save_every` of them, every ten minutes and at the end."""
        saved = time.monotonic()
        self._report()
        while not self.done:
            yield self.step
            self._report()
            often = self.step % self.recipe.save_every == 0 or time.monotonic() - saved >= SAVE_SECONDS
            if self.done or often:
                self.save()
                saved = time.monotonic()
        self.accelerator.wait_for_everyone()  # the others read what the first one wrote

    def _report(self) -> None:
        if self._progress is not None and self.accelerator.is_main_process:
            self._progress(self.name, self.step, self.recipe.steps)

    def rng(self) -> np.random.Generator:
        """Return the generator of this step's choices."""
        return np.random.default_rng([self.recipe.seed, self.step, self.accelerator.process_index])

    def generator(self) -> torch.Generator:
        """Return the generator of this step's noise, always on the CPU."""
        return torch.Generator().manual_seed(int(self.rng().integers(2**62)))

    def update(self, **losses: Tensor) -> None:
        """Minimise the sum of the losses by one step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * group["scale"] * self.recipe.rate(self.step)
        self.optimizer.zero_grad()
        self.accelerator.backward(torch.stack(list(losses.values())).sum())
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self._average()
        for name, loss in losses.items():
            self.losses.setdefault(name, []).append(float(loss.detach()))
        self.step += 1

    @torch.no_grad()
    def _average(self) -> None:
        if self._mean is None:
            return
        # Early on the average is short, so that it does not keep the fresh weights for long.
        decay = min(self.recipe.ema, (self.step + 1) / (self.step + 21))
        mean: list[Tensor] = list(self._mean.parameters())
        new: list[Tensor] = list(self.module.parameters())
        torch._foreach_lerp_(mean, new, 1 - decay)

    def measure(self, of: Callable[..., dict[str, float]], *arguments: Any) -> None:
        """Remember what `of` measures of the result as it stands: `of(network, *arguments)`, in eval mode."""
        network, training = self.ema, self.ema.training
        values = of(network.eval(), *arguments)
        network.train(training)
        if values:
            self.scores.append({"step": self.step, **values})
        log.info("%s step %d: %s", self.name, self.step, {k: round(v, 4) for k, v in values.items()})

    def validate(self, validate: Validate | None) -> None:
        """Call it with the result and the step every `save_every` steps and at the end, on the first process.

        The run is saved before, as this may take minutes.
        """
        due = self.done or self.step % self.recipe.save_every == 0
        if validate is not None and due and self.accelerator.is_main_process:
            self.save()
            self.measure(validate, self.step)

    def save(self) -> None:
        """Write the state and the curve, on the first process; the state's file appears only when complete."""
        if not self.accelerator.is_main_process:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as part:
            torch.save(self._collect_state(), part)
        curve = {"steps": self.step, "losses": _thin(self.losses), "scores": self.scores}
        (self.folder / f"{self.name}.json").write_text(json.dumps(curve, indent=1) + "\n", encoding="utf-8")
        draw_curve(curve, self.folder / f"{self.name}.png")
        log.info("%s: step %d of %d, saved.", self.name, self.step, self.recipe.steps)

    def _collect_state(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler  # of half precision
        return {
            "step": self.step,
            "model": self.module.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "scores": self.scores,
            "scaler": scaler.state_dict() if scaler else None,
        }

    def _restore(self) -> None:
        if not self.path.exists():
            return
        # On the host: a second copy of weights and moments would not fit a GPU that the run just fits.
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        try:
            self.module.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as exc:
            raise InputError(
                f"{self.path} was trained by another recipe or from a model of other sizes, and cannot go on by this "
                "one; give another folder."
            ) from exc
        if self.accelerator.scaler and state.get("scaler"):
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.step, self.losses, self.scores = state["step"], state["losses"], state["scores"]
        log.info("%s goes on at step %d of %d.", self.name, self.step, self.recipe.steps)


def count_progress(progress: Progress | None, stage: str, total: int) -> Callable[[], None]:
    """Return a function to call after each of `total` things; it reports `progress(stage, done, total)`."""
    if progress is None or not PartialState().is_main_process:
        return lambda: None
    done = itertools.count(1)
    return lambda: progress(stage, next(done), total)


def _thin(losses: dict[str, list[float]], every: int = 20) -> dict[str, list[float]]:
    """Return means over `every` steps."""
    return {
        name: [float(np.mean(values[k : k + every])) for k in range(0, len(values), every)]
        for name, values in losses.items()
    }
