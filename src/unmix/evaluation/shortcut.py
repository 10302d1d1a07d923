"""Run a model's upper blocks only, when the lower ones have been run on the same tokens before.

Splicing changes nothing below its site, so every variant would compute the same lower blocks anew.
Here the blocks up to a *cut* all hand on the output that was recorded at the cut in the first run,
and what lies above computes on: the result is bit-equal, which `splicing.py` checks on its first
batch for the model at hand.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, final

from torch import nn


class Cut(NamedTuple):
    """The last block whose output does not depend on what is spliced in."""

    blocks: str
    """Module path of the list of blocks."""
    index: int
    """Number of the block in it."""


@final
class Recording:
    """The output of the block at a cut, as it was (a tensor, or a tuple that begins with one)."""

    output: Any = None


def find_cut(model: nn.Module, modules: Sequence[tuple[str, bool]]) -> Cut | None:
    """Return where the model may be cut, or None if nothing below can be skipped.

    Args:
        modules: Path of each module that is read or written, and whether at its output.
    """
    cuts = [_cut(model, path, at_output=at_output) for path, at_output in modules]
    known = [cut for cut in cuts if cut is not None]
    if len(known) < len(cuts) or len({cut.blocks for cut in known}) != 1:
        return None
    lowest = min(known, key=lambda cut: cut.index)
    return lowest if lowest.index >= 0 else None


@contextmanager
def recording(model: nn.Module, cut: Cut | None) -> Iterator[Recording]:
    """Note what the block at the cut gives back while the model runs inside."""
    recorded = Recording()
    if cut is None:
        yield recorded
        return

    def note(_module: nn.Module, _arguments: object, output: object) -> None:
        recorded.output = output

    hook = model.get_submodule(f"{cut.blocks}.{cut.index}").register_forward_hook(note)
    try:
        yield recorded
    finally:
        hook.remove()


@contextmanager
def skipping(model: nn.Module, cut: Cut | None, recorded: Recording) -> Iterator[None]:
    """Let the blocks up to the cut give back what was recorded, without computing anything."""
    lower: list[nn.Module] = []
    if cut is not None:
        lower = list(model.get_submodule(cut.blocks).children())[: cut.index + 1]
    # An instance attribute goes before the class's method, and hooks still run around it.
    for block in lower:
        block.forward = lambda *_arguments, **_keywords: recorded.output
    try:
        yield
    finally:
        for block in lower:
            del block.forward


def _cut(model: nn.Module, path: str, *, at_output: bool) -> Cut | None:
    """Return the last block that is done before a module's output (or input) is reached."""
    parts = path.split(".")
    for i, part in enumerate(parts):
        blocks = ".".join(parts[:i])
        if part.isdigit() and isinstance(model.get_submodule(blocks), nn.ModuleList):
            is_block = i + 1 == len(parts)
            return Cut(blocks, int(part) if is_block and at_output else int(part) - 1)
    return None
