"""Keep memory that was freed, in place of giving it back and asking for it again.

A forward pass makes and frees the same few buffers for every block.  By its default, glibc gives
large ones back to the system at once, and each new one costs a page fault for every 4 KiB.
"""

import ctypes
import os

KEPT = ((-3, 32 * 2**20), (-1, 256 * 2**20), (-2, 64 * 2**20))
"""`M_MMAP_THRESHOLD`: smaller buffers come from the heap (32 MiB is the most glibc takes);
`M_TRIM_THRESHOLD`: so much may lie free on its top; `M_TOP_PAD`: it grows by so much at once."""


def keep_freed_memory() -> bool:
    """Tell glibc to keep up to 256 MiB for this process; return whether it was told.

    Does nothing where there is no glibc, or where the environment has settings of its own.
    """
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return False
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, size) == 1 for name, size in KEPT)
