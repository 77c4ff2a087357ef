"""`dub FILM CUES OUT`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ..data import Line, pluralize
from ..errors import OptionError
from ..kept import prune
from .dubbing import DubSources, make_dub, plan_lines
from .networks import open_networks
from .outputs import check_report
from .progress import progress_bars
from .work import keep_windows

GIGABYTE = 10**9


def dub(args: argparse.Namespace) -> None:
    """Lay the lines of a cue sheet on a film; all are planned, and what is wrong is said, before any is made."""
    _check_arguments(args)
    sources = DubSources.open(args)
    networks = nullcontext((None, None)) if args.plan else open_networks(args)
    with networks as (models, pool), progress_bars(note=pool) as progress, _open_work(args) as work:
        planned = plan_lines(args, sources, models, progress, work)
        print(*planned.lines, *planned.notes, *_list_unplaced(args, sources.lines), sep="\n")
        if models is None:
            sources.check(planned)
            return
        made = make_dub(args, sources, planned, models, pool, progress, work)
    print(f"{made} of {pluralize(planned.windows, 'window')} denoised; the others were kept from before.")


def _check_arguments(args: argparse.Namespace) -> None:
    if args.retake and args.seed is None:
        raise OptionError("--retake takes a --seed as well, or the line would come out as it was.")
    if args.plan:
        return
    if args.output is None:
        raise OptionError("dub takes FILM CUES OUT; OUT may be left out with --plan.")
    if args.report:
        check_report(args.report, args.video, args.cues, args.output)


def _list_unplaced(args: argparse.Namespace, lines: tuple[Line, ...]) -> list[str]:
    return [
        f"line {line.name}: it has no end in {args.cues.name}, so that its speech is not fitted."
        for line in lines
        if args.fit and line.end is None
    ]


@contextmanager
def _open_work(args: argparse.Namespace) -> Iterator[Path | None]:
    """Give the folder of kept results: the store, which is pruned at the end, or one that goes with success."""
    if args.store:
        yield args.store
        prune(args.store, round(args.store_gigabytes * GIGABYTE))
    elif args.plan:
        yield None
    else:
        with keep_windows(args.output) as work:
            yield work
