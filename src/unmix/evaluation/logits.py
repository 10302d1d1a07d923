"""What a model says of the next token, for no more positions at a time than fit the cache.

The logits of a batch take a hundred times the memory of what they are made from.  So a model is run
up to its head, and then the head some rows after the others.  Where a model does more to its logits
than the head does (a soft cap, a scale), it is run to its end and they are taken as they come.

Axes: s contexts, c context length, p = c - 1 positions that have a next token, n positions counted,
r of them at a time, h width of what the head reads, v vocabulary.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unmix.models.linear import packed

HEAD_ROWS = 128
"""Positions that go through the head at once."""
ROWS = 32
"""Positions whose logits are turned into log-probabilities, or compared, at once."""


@final
class Head:
    """The last step of a model, from rows to logits.

    Args:
        model: A model with logits.
        tokens: A context, on which it is seen whether the model ends with its head.
        apart: Paths of modules that are read or written, and so must run as they are.
    """

    def __init__(
        self, model: nn.Module, tokens: Int[Tensor, "s c"], *, apart: Collection[str] = ()
    ) -> None:
        module = getattr(model, "get_output_embeddings", lambda: None)()
        assert isinstance(module, nn.Module), "only a model with logits has a head"
        self.module: nn.Module | None = None
        self._logits: Callable[[Tensor], Tensor] = lambda rows: rows
        if not any(model.get_submodule(path) is module for path in apart):
            logits = packed(module)
            if _is_last(model, module, logits, tokens):
                self.module, self._logits = module, logits

    def rows(
        self, model: nn.Module, tokens: Int[Tensor, "s c"], counted: Bool[Tensor, "s p"]
    ) -> Float[Tensor, "n h"]:
        """Run the model; return what its logits are made from, at the positions that count."""
        with _handing_on(self.module):
            return model(input_ids=tokens, use_cache=False).logits[:, :-1][counted]

    def log_probabilities(self, rows: Float[Tensor, "n h"]) -> Iterator[Float[Tensor, "r v"]]:
        """Yield the log-probabilities of the next token, `HEAD_ROWS` positions at a time."""
        for part in rows.split(HEAD_ROWS):
            yield as_log_probabilities(self._logits(part))


def as_log_probabilities(logits: Float[Tensor, "n v"]) -> Float[Tensor, "n v"]:
    """Return log-probabilities in float32; logits of that precision are overwritten."""
    if logits.dtype != torch.float32:
        logits = logits.float()
    for rows in logits.split(ROWS):
        rows.copy_(rows.log_softmax(-1))
    return logits


def divergence(
    original: Float[Tensor, "n v"], changed: Float[Tensor, "n v"]
) -> Float[Tensor, " n"]:
    """Return KL(original || changed) at each position from log-probabilities, summed in float64."""
    parts = [
        (old.exp() * (old - new).masked_fill_(old.isneginf(), 0)).sum(1, dtype=torch.float64)
        for old, new in zip(original.split(ROWS), changed.split(ROWS), strict=True)
    ]
    return torch.cat(parts)


@contextmanager
def _handing_on(module: nn.Module | None) -> Iterator[None]:
    """Let a head give back what it is given, without computing anything."""
    if module is None:
        yield
        return
    before = vars(module).get("forward")
    module.forward = lambda rows: rows
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before


@torch.no_grad()
def _is_last(
    model: nn.Module,
    head: nn.Module,
    logits: Callable[[Tensor], Tensor],
    tokens: Int[Tensor, "s c"],
) -> bool:
    """Say whether a model's logits are those of its head, and nothing more."""
    whole = model(input_ids=tokens, use_cache=False).logits
    with _handing_on(head):
        rows = model(input_ids=tokens, use_cache=False).logits
    if rows.ndim != 3 or rows.shape[-1] != getattr(head, "in_features", None):
        return False
    made, off = logits(rows), torch.finfo(whole.dtype).eps ** 0.5
    return made.shape == whole.shape and bool((made - whole).abs().max() <= off * whole.abs().max())
