"""What all training loops share: the optimiser, the averaged weights, exact resuming and the curve."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from .curves import draw_curve
from .recipes import LoopRecipe

log = logging.getLogger(__name__)


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
    ) -> None:
        """groups: parameter groups, each with `scale`, a factor on the learning rate; None is all alike."""
        self.name, self.recipe, self.folder = name, recipe, folder
        self.accelerator = Accelerator(
            mixed_precision=recipe.precision if torch.cuda.is_available() else "no"
        )
        self.ema = copy.deepcopy(module).eval().requires_grad_(False)
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
        self.ema.to(self.accelerator.device)
        self.step = 0
        self.losses: dict[str, list[float]] = {}
        self.scores: list[dict[str, float]] = []
        self._restore()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.pt"

    @property
    def done(self) -> bool:
        return self.step >= self.recipe.steps

    def steps(self) -> Iterator[int]:
        """Count the steps that are left, and save every so often and at the end."""
        while not self.done:
            yield self.step
            if self.done or self.step % self.recipe.save_every == 0:
                self.save()

    def rng(self) -> np.random.Generator:
        """The choices of this step."""
        return np.random.default_rng([self.recipe.seed, self.step, self.accelerator.process_index])

    def generator(self) -> torch.Generator:
        """The noise of this step, always drawn on the CPU."""
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
        decay = min(self.recipe.ema, (self.step + 1) / (self.step + 21))
        mean: list[Tensor] = list(self.ema.parameters())
        new: list[Tensor] = list(self.module.parameters())
        torch._foreach_lerp_(mean, new, 1 - decay)

    def score(self, **values: float) -> None:
        """Remember what was measured at this step."""
        self.scores.append({"step": self.step, **values})
        log.info("%s step %d: %s", self.name, self.step, {k: round(v, 4) for k, v in values.items()})

    def save(self) -> None:
        """Write the state and the curve; the state's file appears only when it is complete."""
        if self.accelerator.is_main_process:
            self._write()
        self.accelerator.wait_for_everyone()

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        torch.save(self._state(), part)
        os.replace(part, self.path)
        curve = {"steps": self.step, "losses": _thinned(self.losses), "scores": self.scores}
        (self.folder / f"{self.name}.json").write_text(json.dumps(curve, indent=1) + "\n", encoding="utf-8")
        draw_curve(curve, self.folder / f"{self.name}.png")

    def _state(self) -> dict[str, Any]:
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
        self.module.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.accelerator.scaler and state.get("scaler"):
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.step, self.losses, self.scores = state["step"], state["losses"], state["scores"]
        log.info("%s goes on at step %d of %d.", self.name, self.step, self.recipe.steps)


def _thinned(losses: dict[str, list[float]], every: int = 20) -> dict[str, list[float]]:
    """Means over `every` steps."""
    return {
        name: [float(np.mean(values[k : k + every])) for k in range(0, len(values), every)]
        for name, values in losses.items()
    }
