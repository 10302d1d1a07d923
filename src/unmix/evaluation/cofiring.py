"""How often latents fire where features are on: one pass over pairs of entries of a token.

Axes: n tokens, m latents, f features, a and b entries of the two codes.
"""

from typing import NamedTuple, final, no_type_check

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unmix.dictionaries.code import Code
from unmix.dictionaries.kernels.compile import kernel

COLUMNS = ("both", "act", "size", "act_size", "size_size")
"""Sums over the tokens where a latent and its partner are both on."""


class Told(NamedTuple):
    """How well firing of one thing tells that another is on."""

    precision: Float[Tensor, "..."]
    recall: Float[Tensor, "..."]
    f1: Float[Tensor, "..."]


@final
class Cofiring:
    """Counts of tokens by latent, by feature and by both, and sums over partners.

    Args:
        n_latents: Latents, `m`.
        n_features: Features, `f`.
        partner: Feature whose size is compared with each latent's act, or -1.
    """

    def __init__(self, n_latents: int, n_features: int, *, partner: Int[Tensor, " m"]) -> None:
        self.n = 0
        self.together = torch.zeros(n_latents, n_features, dtype=torch.int32)
        self.fired = torch.zeros(n_latents, dtype=torch.int64)
        self.on = torch.zeros(n_features, dtype=torch.int64)
        self.sums = torch.zeros(n_latents, len(COLUMNS), dtype=torch.float64)
        self.partner = partner.cpu()

    def add(self, code: Code, truth: Code) -> None:
        """Count the tokens of a batch."""
        mine, real = _on_cpu(code.fired()), _on_cpu(truth.fired())
        self.n += len(mine)
        self.fired += mine.counts()
        self.on += real.counts()
        given = (mine.latents, mine.values, mine.offsets, real.latents, real.values, real.offsets)
        into = (self.partner, self.together, self.sums)
        _count(*(t.detach().numpy() for t in (*given, *into)))

    def by_latent(self, feature: Int[Tensor, " m"]) -> tuple[Told, Float[Tensor, " m"]]:
        """Return how well each latent tells one feature, and how often it is right (accuracy)."""
        both = self.together.gather(1, feature[:, None].cpu())[:, 0].double()
        fired, on = self.fired.double(), self.on[feature.cpu()].double()
        right = self.n - fired - on + 2 * both
        return _told(both, fired, on), right / max(1, self.n)

    def by_feature(self) -> Float[Tensor, " f"]:
        """Return, for each feature, the F1 of the latent that tells it best."""
        best = torch.zeros(len(self.on), dtype=torch.float64)
        for latents in torch.arange(len(self.fired)).split(256):
            sums = self.fired[latents, None] + self.on[None]
            f1 = 2 * self.together[latents].double() / sums.clamp(min=1)
            best = torch.maximum(best, f1.amax(0))
        return best

    def named(self) -> dict[str, Float[Tensor, " m"]]:
        """Return the sums over partners by name."""
        return dict(zip(COLUMNS, self.sums.unbind(1), strict=True))


def _told(both: Tensor, fired: Tensor, on: Tensor) -> Told:
    """Return precision, recall and F1; 0 where they are not defined."""
    precision = both / fired.clamp(min=1)
    recall = both / on.clamp(min=1)
    return Told(precision, recall, 2 * both / (fired + on).clamp(min=1))


def _on_cpu(code: Code) -> Code:
    support = code.support
    moved = type(support)(support.latents.cpu(), support.offsets.cpu(), support.n_latents)
    return Code(code.values.cpu().float(), moved)


@kernel
@no_type_check
def _count(latents, acts, ends, features, sizes, feature_ends, partner, together, sums):
    """Add every pair of a latent and a feature that are on at one token."""
    for t in range(len(ends) - 1):
        for a in range(ends[t], ends[t + 1]):
            i = latents[a]
            for b in range(feature_ends[t], feature_ends[t + 1]):
                j = features[b]
                together[i, j] += 1
                if j == partner[i]:
                    act, size = float(acts[a]), float(sizes[b])
                    sums[i, 0] += 1
                    sums[i, 1] += act
                    sums[i, 2] += size
                    sums[i, 3] += act * size
                    sums[i, 4] += size * size
