"""Calibration by the processes that `torchrun` starts, on one machine or several.

Each process takes a share of the groups. Where they share a workspace folder, they finish the run
there. Where they do not, the sums are all-reduced: every group is not zero in one process only, so
the total is exact, and each workspace ends up with the whole run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist

from pruning.calibration.calibrating import calibrate
from pruning.calibration.shares import Share, Unit, Work
from pruning.models.loading import resolve_device
from pruning.progress import Progress, Report, ignore
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec

PATIENCE = timedelta(days=30)  # a process may wait as long as the slowest one calibrates


def launched_together() -> bool:
    """Whether torchrun started this process, and others beside it."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "LOCAL_RANK" in os.environ


def is_first() -> bool:
    """Whether this is the process that speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def calibrate_together(spec: CalibrationSpec, workspace: Workspace, report: Report = ignore) -> Run:
    """As `calibrate`, by all processes of this torchrun; returns the finished run in each.

    The first process alone reports. Raises what `calibrate` does; torchrun then ends the others.
    """
    with _process_group(spec.model.device) as device:
        first = is_first()
        share = Share(number=dist.get_rank() + 1, count=dist.get_world_size())
        run = calibrate(spec, workspace, report if first else ignore, share)
        if first:
            report(Progress(stage="Waiting for the other processes", done=0, total=1))
        dist.barrier()
        run.refresh()
        if not _everywhere(run.status == "done", device):
            _exchange(Work(run), share, device)
        run.refresh()
    return run


@contextlib.contextmanager
def _process_group(device: str) -> Iterator[torch.device]:
    """Join the group: nccl if each process has a GPU, else gloo. Yields where tensors must be.

    A group that the program has made itself is used, and left as it is.
    """
    on_gpu = resolve_device(device).startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    if dist.is_initialized():
        yield torch.device("cuda" if on_gpu else "cpu")
        return
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield torch.device("cuda" if on_gpu else "cpu")
    finally:
        dist.destroy_process_group()


def _everywhere(here: bool, device: torch.device) -> bool:
    """Whether something is true in every process."""
    flag = torch.tensor(int(here), device=device)
    dist.all_reduce(flag, op=dist.ReduceOp.MIN)
    return bool(flag)


def _exchange(work: Work, share: Share, device: torch.device) -> None:
    """Give every process the sums of all groups, and finish the run in its workspace."""
    mine = set(work.share(share))
    for unit in work.units:
        total = _reduced(work, unit, unit in mine, device)
        if not work.is_done(unit):
            total.save(work.path(unit))
    work.finish()


def _reduced(work: Work, unit: Unit, mine: bool, device: torch.device) -> ChannelStats:
    """One unit's sums, added over all processes; all but the one whose share it is add zeros."""
    shapes = {weight.input_key: weight.shape[1] for weight in work.run.weights}
    own = work.sums(unit) if mine else None
    sums, tokens = {}, {}
    for key, channels in shapes.items():
        values = torch.zeros(channels, dtype=torch.float64, device=device)
        count = torch.zeros(1, dtype=torch.int64, device=device)
        if own is not None:
            values += torch.from_numpy(own.sum_sq[key][0]).to(device)
            count += torch.from_numpy(own.tokens[key]).to(device)
        dist.all_reduce(values)
        dist.all_reduce(count)
        sums[key], tokens[key] = values.cpu().numpy()[None], count.cpu().numpy()
    return ChannelStats(sum_sq=sums, tokens=tokens)
