"""How much memory there is, and how to say it."""

import os
from pathlib import Path

import torch


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be had on a device, as well as the system tells."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    table = Path("/proc/meminfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return all_memory()


def all_memory() -> int:
    """Return the bytes of memory the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def spoken(size: float) -> str:
    """Return a number of bytes as a person would say it."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
