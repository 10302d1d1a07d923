"""How well activations are rebuilt, and from how many latents.

    FVU = sum ||x - x'||^2 / sum ||x - mean||^2          EV = 1 - FVU
    gamma = sum ||x' - mean||^2 / sum <x' - mean, x - mean>

One pass over the held-out shards measures all candidates.  `mean` is the mean vector over the
eligible training tokens, the same for every shard, so the mean control has FVU 1 exactly.  Special
tokens and tokens of massive norm are left out, except from "FVU on all tokens".

Axes: n tokens, d activation width (i in, o out), m latents.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unmix.activations.source import Shard
from unmix.errors import UserError
from unmix.evaluation.candidates import Candidate
from unmix.evaluation.heldout import measurable
from unmix.evaluation.score import DocumentSums, Metric

SLAB = 2**13
"""Tokens rebuilt at once."""
ROWS = 2**8
"""Tokens turned into float64 at once, so that they stay in the cache."""
COLUMNS = ("n", "error", "total", "out", "cross", "cosine", "ratio", "l0", "all_error", "all_total")

_LEFT_OUT = "on eligible held-out tokens (special and massive-norm tokens left out)"

FVU = Metric(
    name="FVU",
    unit="",
    better="lower",
    definition="fraction of variance unexplained: sum ||x - x'||^2 / sum ||x - mean||^2, mean the "
    f"mean vector of the training tokens, {_LEFT_OUT}",
    source="Gao et al. 2024 (error over that of predicting the mean)",
    formula=lambda s: s["error"] / s["total"],
)
EV = Metric(
    name="explained variance",
    unit="",
    better="higher",
    definition="1 - FVU; variance around the mean vector, not around zero or a batch mean",
    source="the coefficient of determination over all coordinates",
    formula=lambda s: 1 - s["error"] / s["total"],
)
L0 = Metric(
    name="L0",
    unit="latents a token",
    better="neither",
    definition=f"mean number of latents with a non-zero act, measured (not k), {_LEFT_OUT}; for "
    "PCA the number of components",
    source="Bricken et al. 2023",
    formula=lambda s: s["l0"] / s["n"],
)
BIAS = Metric(
    name="relative bias",
    unit="",
    better="neither",
    definition="relative reconstruction bias gamma = sum ||x' - mean||^2 / sum <x' - mean, "
    "x - mean>, on vectors centred at the training mean; 1 is unbiased, below 1 the acts shrink",
    source="Rajamanoharan et al. 2024a (Gated SAEs)",
    formula=lambda s: s["out"] / s["cross"],
)
COSINE = Metric(
    name="cosine",
    unit="",
    better="higher",
    definition="mean cosine of x and x', uncentred; a large mean vector lifts it for everybody, "
    "see the mean control",
    source="SAEBench (Karvonen et al. 2025)",
    formula=lambda s: s["cosine"] / s["n"],
)
MSE = Metric(
    name="MSE",
    unit="activation units², summed over coordinates",
    better="lower",
    definition="mean over tokens of ||x - x'||^2, summed (not averaged) over coordinates",
    source="Rajamanoharan et al. 2024a; Bricken et al. 2023 divide by d",
    formula=lambda s: s["error"] / s["n"],
)
RATIO = Metric(
    name="L2 ratio",
    unit="",
    better="neither",
    definition="mean of ||x'|| / ||x||, uncentred; below 1 for any lossy unbiased reconstruction, "
    "so it is no measure of shrinkage",
    source="SAEBench (Karvonen et al. 2025)",
    formula=lambda s: s["ratio"] / s["n"],
)
FVU_ALL = Metric(
    name="FVU on all tokens",
    unit="",
    better="lower",
    definition="FVU with special and massive-norm tokens included, around the same mean; a few "
    "huge tokens can decide it",
    source="shown so that leaving tokens out hides nothing",
    formula=lambda s: s["all_error"] / s["all_total"],
)

CODED = (FVU, EV, L0, BIAS, COSINE, MSE, RATIO, FVU_ALL)
"""Metrics of a candidate that passes something of `x` on."""
ABLATED = (FVU, EV, L0, COSINE, MSE, FVU_ALL)
"""Metrics of a constant: it has no bias to speak of."""


class Fidelity(NamedTuple):
    """What one candidate did to the held-out tokens."""

    sums: DocumentSums
    """Sums by document of `COLUMNS`."""
    counts: Int[Tensor, " m"] | None
    """Tokens each latent fired on; None for a candidate without latents."""
    n: int
    """Eligible tokens."""
    seconds: float
    """Time spent on this candidate."""


@final
class FidelityPass:
    """Rebuilds every token of the shards it is shown, with every candidate.

    Args:
        candidates: What is measured, side by side on the same rows.
        mean: Mean vector of the target site over the eligible training tokens.
    """

    def __init__(self, candidates: Sequence[Candidate], *, mean: Float[Tensor, " o"]) -> None:
        self.candidates = tuple(candidates)
        self.mean = mean.double().cpu()
        self._sums = [DocumentSums(COLUMNS) for _ in candidates]
        self._counts = [torch.zeros(c.n_latents or 0, dtype=torch.int64) for c in candidates]
        self._seconds = [0.0 for _ in candidates]

    def add(self, shard: Shard) -> None:
        """Measure one shard."""
        for i, candidate in enumerate(self.candidates):
            start = time.perf_counter()
            self._counts[i] += _add_shard(self._sums[i], shard, candidate, mean=self.mean)
            self._seconds[i] += time.perf_counter() - start

    def found(self) -> dict[str, Fidelity]:
        """Return what was measured, by candidate.

        Raises:
            UserError: Not one token could be measured.
        """
        made = {}
        parts = zip(self.candidates, self._sums, self._counts, self._seconds, strict=True)
        for candidate, sums, counts, seconds in parts:
            n = int(sums.total()["n"])
            if not n:
                raise UserError(
                    f"every held-out token of `{candidate.target}` is special or of massive norm; "
                    "use more text or a larger `massive`"
                )
            latents = None if candidate.n_latents is None else counts
            made[candidate.name] = Fidelity(sums, latents, n, seconds)
        return made


def _add_shard(
    sums: DocumentSums, shard: Shard, candidate: Candidate, *, mean: Float[Tensor, " o"]
) -> Int[Tensor, " m"]:
    """Add one shard to the sums; return how often each latent fired on eligible tokens."""
    keep = measurable(shard, (candidate.site, candidate.target))
    documents = shard.documents.flatten()
    x, y = shard.acts[candidate.site], shard.acts[candidate.target]
    fired = torch.zeros(candidate.n_latents or 0, dtype=torch.int64)
    for rows in torch.arange(len(x)).split(SLAB):
        slab = slice(int(rows[0]), int(rows[-1]) + 1)
        rebuilt = candidate.rebuild(x[slab].float())
        l0 = torch.full((len(rows),), float(candidate.n_active))
        if rebuilt.code is not None:
            l0 = rebuilt.code.l0().cpu()
            marked = keep[slab].to(rebuilt.code.tokens.device)[rebuilt.code.tokens]
            hit = rebuilt.code.latents[marked & (rebuilt.code.values != 0)]
            fired += torch.bincount(hit, minlength=rebuilt.code.n_latents).cpu()
        guess = rebuilt.activations.cpu()
        given = (part.split(ROWS) for part in (y[slab].float().cpu(), guess, l0, keep[slab].cpu()))
        parts = [_columns(*rows, mean=mean) for rows in zip(*given, strict=True)]
        columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        sums.add(documents[slab], columns)
    return fired


def _columns(
    y: Float[Tensor, "n o"],
    rebuilt: Float[Tensor, "n o"],
    l0: Float[Tensor, " n"],
    keep: Bool[Tensor, " n"],
    *,
    mean: Float[Tensor, " o"],
) -> dict[str, Tensor]:
    """Return what each token adds to the sums, in float64; nothing where it is not eligible."""
    exact, guess = y.double(), rebuilt.double()
    norms, norm = exact.norm(dim=1), guess.norm(dim=1)
    tiny = torch.finfo(torch.float64).tiny
    error = (exact - guess).square().sum(1)
    cosine = (exact * guess).sum(1) / (norms * norm).clamp_min(tiny)
    exact -= mean
    guess -= mean
    total = exact.square().sum(1)
    columns = {
        "n": torch.ones_like(error),
        "error": error,
        "total": total,
        "out": guess.square().sum(1),
        "cross": (exact * guess).sum(1),
        "cosine": cosine,
        "ratio": norm / norms.clamp_min(tiny),
        "l0": l0.double(),
    }
    columns = {name: column.where(keep, 0.0) for name, column in columns.items()}
    return columns | {"all_error": error, "all_total": total}
