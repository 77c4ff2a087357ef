"""`serve`."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from importlib.util import find_spec

from ..errors import OptionError
from ..folders import user_folder
from ..process import tune_process
from ..serve import LipSyncSetup
from ..serve.worker import Compute
from ..weights import find_checkpoint
from .inputs import model_source_of, options_of, workers_of


def serve(args: argparse.Namespace) -> None:
    """Run an endpoint until it is told to stop; what can fail early fails before it listens."""
    if find_spec("aiohttp") is None:
        raise OptionError(
            "serve needs aiohttp, which is not installed: pip install aiohttp (the extra `serve`)."
        )
    from ..serve import Limits, ProcessGate, ProcessWorker, ServeSettings, run_endpoint

    settings = ServeSettings(
        args.folder or user_folder("data") / "serve", args.host, args.port, args.keys, args.public_url,
        args.price, args.keep * 3600.0, Limits(args.largest * 10**6, float(args.longest), args.queue),
        args.allow_private,
    )  # fmt: skip
    setup = _set_up(args)
    asyncio.run(run_endpoint(settings, ProcessGate(), ProcessWorker(_Load(setup)), _announce))


def _set_up(args: argparse.Namespace) -> LipSyncSetup:
    source = model_source_of(args)
    find_checkpoint(source.model, source.folders)
    return LipSyncSetup(
        source, args.device, workers_of(args), options_of(args), args.speaker, args.crf, args.encoder_preset
    )


@dataclass(frozen=True)
class _Load:
    """Loads the models in the process that computes."""

    setup: LipSyncSetup

    def __call__(self) -> Compute:
        tune_process()
        return self.setup.load()


def _announce(address: str) -> None:
    print(
        f"Serving at {address}, the page for people at {address}/ . Ctrl-C ends it; what is queued stays.",
        flush=True,
    )
