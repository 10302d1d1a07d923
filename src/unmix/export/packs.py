"""What is known of each latent, in a few files that a page can read a latent at a time.

    latents/index.json      where each latent lies: `{"packs": [{"file", "first", "ends"}, ...]}`
    latents/00000000.bin    latents `first`, `first + 1`, ...: a gzip member each, one after another

`ends` are the ends of the members, in bytes.  A pack holds at most a mebibyte, so that a page whose
server does not honour ranges can take a whole one.  Latents are written by the block, a block by
one process; a block that is done has a file of its own in `latents/done`, and is not done again.
"""

import gzip
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from unmix.disk import read_json, replacing, write_json, write_text
from unmix.export.work import Counter, blocks

LARGEST = 2**20
"""Bytes of a pack, unless one latent alone has more."""
BLOCK = 64
"""Latents done by one process at a time."""
LEVEL = 6
"""How hard a latent is compressed: beyond it little is gained."""

Leaf = Callable[[int], bytes]
"""Makes what is written of a latent."""


class Pack(NamedTuple):
    """Some latents in one file."""

    file: str
    first: int
    ends: list[int]


def compress(data: bytes) -> bytes:
    """Return a gzip member; the same bytes for the same data."""
    return gzip.compress(data, LEVEL, mtime=0)


def write_packs(
    folder: Path, latents: int, *, opened: Callable[[], Leaf], processes: int, counter: Counter
) -> None:
    """Write all latents into a folder, going on where an earlier call was stopped.

    Args:
        folder: Where the packs go.
        latents: How many there are.
        opened: Makes what turns a latent into bytes; is called once in each process.
        processes: How many work at once; 1 works in this one.
        counter: Is told how many latents are done, of all.
    """
    done = folder / "done"
    starts = [s for s in range(0, latents, BLOCK) if not (done / f"{s:08}.json").is_file()]
    total = -(-latents // BLOCK)
    block = partial(_block, folder, latents)
    working = blocks(block, starts, opened=opened, processes=processes)
    for finished, _ in enumerate(working, start=total - len(starts) + 1):
        counter(min(finished * BLOCK, latents), latents)
    found = [pack for path in sorted(done.iterdir()) for pack in _packs(path)]
    write_text(folder / "index.json", json.dumps({"packs": found}, separators=(",", ":")))


def _block(folder: Path, latents: int, leaf: Leaf, start: int) -> None:
    """Write the packs of one block, then that they are there."""
    made: list[Pack] = []
    held: list[bytes] = []
    first = start
    for latent in range(start, min(start + BLOCK, latents)):
        data = compress(leaf(latent))
        if held and sum(map(len, held)) + len(data) > LARGEST:
            made.append(_write(folder, first, held))
            held, first = [], latent
        held.append(data)
    made.append(_write(folder, first, held))
    write_json(folder / "done" / f"{start:08}.json", {"packs": [one._asdict() for one in made]})


def _write(folder: Path, first: int, members: Sequence[bytes]) -> Pack:
    file = f"{first:08}.bin"
    with replacing(folder / file) as beside:
        beside.write_bytes(b"".join(members))
    ends, end = [], 0
    for member in members:
        end += len(member)
        ends.append(end)
    return Pack(file, first, ends)


def _packs(path: Path) -> list[Any]:
    packs = read_json(path)["packs"]
    assert isinstance(packs, list)
    return packs
