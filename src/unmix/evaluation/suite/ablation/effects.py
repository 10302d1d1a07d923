"""What a change at one token does to the next-token distributions from there on.

With `v` the difference of the logits at `T` places over `V` words, its median over the words taken
off at each place (a shift of all logits changes nothing):

    effective share = (|v|_1 / |v|_2)^2 / (V T)

which is 1 if all logits change by the same size, `1 / (V T)` if one does, and `2 / pi` if all are
drawn from one normal distribution.

Axes: s contexts, c tokens in a context, q changes, t = `T` places, d width, v vocabulary, r rows.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unmix.errors import UserError
from unmix.evaluation.logits import Head, divergence
from unmix.evaluation.shortcut import Recording, find_cut, recording, skipping
from unmix.evaluation.splicing import rewriting, unembedding
from unmix.models.sites import resolve

PASS = 1024
"""Tokens of one forward pass, about."""

Change = Callable[[Float[Tensor, "q d"], slice], Float[Tensor, "q d"]]
"""From what the target carries at some tokens, and which of all they are, to what is added."""


class Effects(NamedTuple):
    """What some changes did."""

    share: Float[Tensor, " q"]
    """Effective share of the logits; NaN where nothing changed at all."""
    here: Float[Tensor, " q"]
    """The same at the first place alone."""
    kl: Float[Tensor, "q t"]
    """KL(original || changed) at each place."""


@final
class Ablator:
    """Runs a model as it is, and with changes at single tokens.

    Args:
        model: A model with logits.
        site: Site the dictionary reads.
        target: Site that is changed.
        horizon: Places whose next-token distributions are compared, the token itself the first.
    """

    def __init__(self, model: nn.Module, site: str, target: str, *, horizon: int) -> None:
        if unembedding(model) is None:
            raise UserError("the model has no logits, so nothing can be seen of an ablation")
        self.model, self.horizon = model, horizon
        self.site, self.target = resolve(model, site), resolve(model, target)
        ends = sorted({(one.module, one.side == "output") for one in (self.site, self.target)})
        self.cut = find_cut(model, ends)
        self.device = next(model.parameters()).device
        first = torch.zeros(1, 2, dtype=torch.int64, device=self.device)
        self.head = Head(model, first, apart=[path for path, _ in ends])

    @torch.no_grad()
    def effects(
        self,
        tokens: Int[Tensor, "q c"],
        places: Int[Tensor, " q"],
        changes: Sequence[Change],
        *,
        report: Callable[[int], None] = lambda _: None,
    ) -> list[Effects]:
        """Return the effects of each kind of change, made at one place of each context.

        The places ascend, so that contexts of about one length go through the model together.
        """
        found: list[list[Effects]] = [[] for _ in changes]
        for some in _batches((places + self.horizon + 1).tolist()):
            report(some.start)
            width = int(places[some][-1]) + self.horizon + 1
            given = tokens[some, :width].to(self.device)
            made = self._effects(given, places[some].to(self.device), changes, some)
            for kind, one in zip(found, made, strict=True):
                kind.append(one)
        return [Effects(*(torch.cat(part) for part in zip(*kind, strict=True))) for kind in found]

    def _effects(
        self,
        tokens: Int[Tensor, "s c"],
        places: Int[Tensor, " s"],
        changes: Sequence[Change],
        some: slice,
    ) -> list[Effects]:
        """Run some contexts as they are, then with each kind of change."""
        counted = self._counted(tokens, places)
        at = (torch.arange(len(tokens), device=self.device), places)
        carried: list[Tensor] = []

        def look(_: Tensor, y: Float[Tensor, "s c d"]) -> Float[Tensor, "s c d"]:
            carried.append(y[at].float())
            return y

        with (
            recording(self.model, self.cut) as recorded,
            rewriting(self.model, self.site, self.target, look),
        ):
            rows = self.head.rows(self.model, tokens, counted)
        if some.start == 0 and not self._is_exact(tokens, counted, rows, recorded):
            self.cut = None
        before = list(self.head.log_probabilities(rows))
        made = []
        for change in changes:
            added = change(carried[0], some)

            def put(
                _: Tensor, y: Float[Tensor, "s c d"], added: Tensor = added
            ) -> Float[Tensor, "s c d"]:
                return y.index_put(at, y[at] + added.to(y))

            with (
                skipping(self.model, self.cut, recorded),
                rewriting(self.model, self.site, self.target, put),
            ):
                rows = self.head.rows(self.model, tokens, counted)
            after = self.head.log_probabilities(rows)
            made.append(compared(zip(before, after, strict=True), horizon=self.horizon))
        return made

    def _counted(
        self, tokens: Int[Tensor, "s c"], places: Int[Tensor, " s"]
    ) -> Bool[Tensor, "s p"]:
        """Mark the places that are compared."""
        past = torch.arange(tokens.shape[1] - 1, device=self.device) - places[:, None]
        return (past >= 0) & (past < self.horizon)

    def _is_exact(
        self,
        tokens: Int[Tensor, "s c"],
        counted: Bool[Tensor, "s p"],
        rows: Float[Tensor, "r h"],
        recorded: Recording,
    ) -> bool:
        """Say whether running the upper blocks alone gives the very same rows."""
        with skipping(self.model, self.cut, recorded):
            return torch.equal(self.head.rows(self.model, tokens, counted), rows)


def compared(
    pairs: Iterator[tuple[Float[Tensor, "_ v"], Float[Tensor, "_ v"]]], *, horizon: int
) -> Effects:
    """Compare log-probabilities before and after, `horizon` rows to a change."""
    parts, size = [], 1
    for before, after in pairs:
        kl = divergence(before, after).clamp_min(0)  # rounding may leave -1e-8
        moved = after - before
        moved -= moved.median(dim=1, keepdim=True).values
        one, two = moved.abs().sum(1).double(), moved.square().sum(1).double()
        parts.append(torch.stack([kl.double(), one, two]).cpu())
        size = before.shape[1]
    kl, one, two = torch.cat(parts, 1).view(3, -1, horizon)
    share = one.sum(1).square() / (two.sum(1) * size * horizon)
    return Effects(share, one[:, 0].square() / (two[:, 0] * size), kl)


def _batches(widths: Sequence[int]) -> Iterator[slice]:
    """Cut ascending widths into runs of about `PASS` tokens."""
    start = 0
    for i in range(len(widths)):
        if i > start and (i + 1 - start) * widths[i] > PASS:
            yield slice(start, i)
            start = i
    if start < len(widths):
        yield slice(start, len(widths))
