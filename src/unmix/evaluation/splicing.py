"""What a model loses when a dictionary's reconstruction takes the activation's place.

    CE  = - log p(next token)                    KL = sum_v p_original(v) log(p_original(v) / p(v))
    CE score  = (CE_ablated - CE) / (CE_ablated - CE_original)
    KL score  = (KL_ablated - KL) / KL_ablated

in nats, against zero ablation *and* mean ablation, because a score is only as hard as what it is
measured against.  In every variant, ablations too, special tokens and tokens of massive norm pass
through unchanged: no dictionary is trained on them, and the model leans on them as attention sinks.
A position counts where its next token belongs to the same document.

Axes: s contexts, c context length, p = c - 1 positions that have a next token, n positions counted,
d width (i in, o out), v vocabulary.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unmix.evaluation.candidates import Candidate
from unmix.evaluation.heldout import Contexts
from unmix.evaluation.score import DocumentSums, Metric
from unmix.evaluation.shortcut import Cut, Recording, find_cut, recording, skipping
from unmix.models.sites import Site, writing

ORIGINAL = "original"
LOGITS = 2**25
"""Logits held at once for one batch of contexts (128 MiB in float32)."""
ROWS = 2**9
"""Positions whose logits are turned into log-probabilities at once."""

_KEPT = "special and massive-norm tokens pass through unchanged in every variant"
_HOW = (
    f"on held-out contexts; {_KEPT}; counted where the next token is in the same document; "
    "float32 log-softmax"
)


def _part(avoided: Tensor, harm: Tensor) -> Tensor:
    """Return the share of an ablation's harm that is avoided; undefined where it does none."""
    return (avoided / harm).where(harm > 0, torch.nan)


def _score(what: str, ablation: str) -> Metric:
    """Return the score of CE or KL against an ablation."""
    original = "ce original" if what == "CE" else "none"
    low, here, high = original, what.lower(), f"{what.lower()} {ablation}"
    top = f"{what}_{ablation}"
    formula = f"({top} - {what}) / {top}"
    if what == "CE":
        formula = f"({top} - CE) / ({top} - CE_original)"
    return Metric(
        name=f"{what} score, {ablation}",
        unit="",
        better="higher",
        definition=f"{formula}, where {top} is with the {ablation} in place of the same tokens: 1 "
        f"is the unchanged model, 0 the ablation, undefined if that does no harm; {_KEPT}",
        source="SAEBench (Karvonen et al. 2025) for zero; mean is the harder ablation to beat",
        formula=lambda s: _part(s[high] - s[here], s[high] - s[low]),
    )


CE = Metric(
    name="CE",
    unit="nats a token",
    better="lower",
    definition=f"cross-entropy of the next token with the reconstruction in place, {_HOW}",
    source="Bricken et al. 2023; Lieberum et al. 2024 (Gemma Scope)",
    formula=lambda s: s["ce"] / s["n"],
)
CE_INCREASE = Metric(
    name="CE increase",
    unit="nats a token",
    better="lower",
    definition=f"CE with the reconstruction in place, less CE of the unchanged model; {_KEPT}",
    source="Lieberum et al. 2024 (Gemma Scope), delta LM loss",
    formula=lambda s: (s["ce"] - s["ce original"]) / s["n"],
)
KL = Metric(
    name="KL",
    unit="nats a token",
    better="lower",
    definition="KL(original || spliced) of the next-token distributions, over the whole "
    f"vocabulary; {_KEPT}",
    source="Gao et al. 2024, section 4.1",
    formula=lambda s: s["kl"] / s["n"],
)
SPLICING = (
    CE,
    CE_INCREASE,
    KL,
    _score("CE", "mean"),
    _score("CE", "zero"),
    _score("KL", "mean"),
    _score("KL", "zero"),
)


class Spliced(NamedTuple):
    """What splicing measured, for all variants at once."""

    sums: DocumentSums
    """Columns `n`, and `ce NAME` and `kl NAME` for the original and every candidate."""
    n: int
    """Positions counted."""
    seconds: float
    is_shortcut: bool
    """Whether the lower blocks were run once for all variants (checked to be bit-equal)."""


def splice(
    model: nn.Module,
    candidates: Sequence[Candidate],
    *,
    sites: Mapping[str, Site],
    contexts: Contexts,
    progress: Callable[[str], None] = lambda _: None,
) -> Spliced:
    """Run the model on contexts as it is, and with each candidate in its site's place.

    All candidates read one site and rebuild one site.  Memory holds the logits of a few contexts.
    """
    start = time.perf_counter()
    names = [ORIGINAL, *(candidate.name for candidate in candidates)]
    sums = DocumentSums(["n", *(f"{what} {name}" for name in names for what in ("ce", "kl"))])
    device = next(model.parameters()).device
    ends = {(sites[name].module, sites[name].side == "output") for name in _ends(candidates)}
    cut = find_cut(model, sorted(ends))
    size, done, total = _batch(model, contexts), 0, len(contexts.tokens)
    while done < total:
        progress(f"running the model with each in place, context {done + 1} of {total}")
        batch = Contexts(*(part[done : done + size].to(device) for part in contexts))
        counted = scored(batch)
        following = batch.tokens[:, 1:][counted]
        with torch.no_grad(), recording(model, cut) as recorded:
            original = _log_probabilities(model, batch, counted)
        if done == 0 and not _is_exact(model, cut, recorded, batch=batch, original=original):
            cut = None
        columns = _columns(ORIGINAL, original, following, original)
        for candidate in candidates:
            place = _in_place(model, candidate, sites, excluded=batch.excluded)
            with torch.no_grad(), skipping(model, cut, recorded), place:
                changed = _log_probabilities(model, batch, counted)
            columns |= _columns(candidate.name, changed, following, original)
        sums.add(batch.documents[:, :-1][counted], columns | {"n": torch.ones(len(original))})
        done += size
    return Spliced(sums, int(sums.total()["n"]), time.perf_counter() - start, cut is not None)


def unembedding(model: nn.Module) -> Float[Tensor, "v d"] | None:
    """Return the matrix from the last residual stream to the logits, or None if there is none."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    return None if head is None else head.weight.detach()


def columns_of(name: str) -> dict[str, str]:
    """Return which columns stand for the names in the formulas of `SPLICING`, for one variant."""
    fixed = ("n", "ce original", "ce zero", "ce mean", "kl zero", "kl mean", "kl original")
    names = {column: column for column in fixed}
    return names | {"none": "kl original", "ce": f"ce {name}", "kl": f"kl {name}"}


def scored(contexts: Contexts) -> Bool[Tensor, "s p"]:
    """Mark the positions whose next token is a real one of the same document."""
    same = contexts.documents[:, 1:] == contexts.documents[:, :-1]
    return same & ~contexts.special[:, 1:]


def _ends(candidates: Sequence[Candidate]) -> set[str]:
    """Return the names of the sites read and rebuilt, which all candidates must share."""
    pairs = {(candidate.site, candidate.target) for candidate in candidates}
    assert len(pairs) == 1, "candidates of one splice read one site and rebuild one site"
    return set(pairs.pop())


def _batch(model: nn.Module, contexts: Contexts) -> int:
    """Return how many contexts to run at once."""
    head = unembedding(model)
    assert head is not None, "only a model with logits is spliced"
    return max(1, LOGITS // (contexts.tokens.shape[1] * len(head)))


def _log_probabilities(
    model: nn.Module, batch: Contexts, counted: Bool[Tensor, "s p"]
) -> Float[Tensor, "n v"]:
    """Run the model and return the log-probabilities of the next token where it counts."""
    logits = model(input_ids=batch.tokens, use_cache=False).logits[:, :-1][counted]
    if logits.dtype != torch.float32:
        logits = logits.float()
    for rows in logits.split(ROWS):
        rows.copy_(rows.log_softmax(-1))
    return logits


def _columns(
    name: str,
    changed: Float[Tensor, "n v"],
    next_tokens: Int[Tensor, " n"],
    original: Float[Tensor, "n v"],
) -> dict[str, Tensor]:
    """Return the cross-entropy and the divergence from the original at each position."""
    cross = -changed.gather(1, next_tokens[:, None]).squeeze(1)
    parts = [
        (old.exp() * (old - new).masked_fill_(old.isneginf(), 0)).sum(1, dtype=torch.float64)
        for old, new in zip(original.split(ROWS), changed.split(ROWS), strict=True)
    ]
    return {f"ce {name}": cross, f"kl {name}": torch.cat(parts)}


@contextmanager
def _in_place(
    model: nn.Module,
    candidate: Candidate,
    sites: Mapping[str, Site],
    *,
    excluded: Bool[Tensor, "s c"],
) -> Iterator[None]:
    """Put a candidate's reconstruction at its target while the model runs inside."""
    keep, read = ~excluded, {}

    def note(x: Float[Tensor, "s c i"]) -> Float[Tensor, "s c i"]:
        read["x"] = x
        return x

    def put(y: Float[Tensor, "s c o"]) -> Float[Tensor, "s c o"]:
        x = read.get("x", y)
        out = y.clone()
        out[keep] = candidate.rebuild(x[keep].float()).activations.to(y)
        return out

    with ExitStack() as stack:
        if candidate.site != candidate.target:
            stack.enter_context(writing(model, sites[candidate.site], note))
        stack.enter_context(writing(model, sites[candidate.target], put))
        yield


def _is_exact(
    model: nn.Module,
    cut: Cut | None,
    recorded: Recording,
    *,
    batch: Contexts,
    original: Float[Tensor, "n v"],
) -> bool:
    """Say whether running the upper blocks alone gives the very same log-probabilities."""
    if cut is None:
        return True
    with torch.no_grad(), skipping(model, cut, recorded):
        return torch.equal(_log_probabilities(model, batch, scored(batch)), original)
