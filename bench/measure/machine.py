"""What a table was measured on, and how much of it others took meanwhile."""

import os
import platform
from pathlib import Path

from measure.process import core_ticks

CORES = sorted(os.sched_getaffinity(0))
BEGAN = core_ticks()
FLAGS = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "amx_int8")  # that inference is faster with


def machine(what: str) -> str:
    """`what` says which store, or which model."""
    ticks, stolen = (now - before for now, before in zip(core_ticks(), BEGAN, strict=True))
    return (
        f"{len(CORES)} x {_said('model name')}, Linux {platform.release()},"
        f" Python {platform.python_version()}, {what}, load {os.getloadavg()[0]:.1f},"
        f" {stolen / max(ticks, 1):.0%} of the cores' time was taken by other machines of the host"
    )


def flags() -> str:
    there = _said("flags").split()
    return ", ".join(flag for flag in FLAGS if flag in there) or "none of note"


def _said(name: str) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith(name))
    return next(found, "unknown")
