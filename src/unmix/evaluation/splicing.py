"""What a model loses when a dictionary's reconstruction takes the activation's place.

    CE  = - log p(next token)                    KL = sum_v p_original(v) log(p_original(v) / p(v))
    CE score  = (CE_ablated - CE) / (CE_ablated - CE_original)
    KL score  = (KL_ablated - KL) / KL_ablated

in nats, against zero ablation *and* mean ablation, because a score is only as hard as what it is
measured against.  In every variant, ablations too, special tokens and tokens of massive norm pass
through unchanged: no dictionary is trained on them, and the model leans on them as attention sinks.
A position counts where its next token belongs to the same document.

Axes: s contexts, c context length, p = c - 1 positions that have a next token, n positions counted,
d width (i in, o out), h width of what the head reads, v vocabulary.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unmix.errors import UserError
from unmix.evaluation.candidates import Candidate
from unmix.evaluation.heldout import Contexts
from unmix.evaluation.logits import Head, divergence
from unmix.evaluation.score import DocumentSums, Metric
from unmix.evaluation.shortcut import Cut, Recording, find_cut, recording, skipping
from unmix.models.sites import Site, writing

ORIGINAL = "original"
LOGITS = 2**26
"""Logits held at once, those of one batch of contexts (256 MiB in float32)."""

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


@torch.no_grad()
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
    head = Head(model, contexts.tokens[:1].to(device), apart=[path for path, _ in ends])
    size, done, total = _batch(model, contexts), 0, len(contexts.tokens)
    while done < total:
        progress(f"running the model with each in place, context {done + 1} of {total}")
        batch = Contexts(*(part[done : done + size].to(device) for part in contexts))
        counted = scored(batch)
        following = batch.tokens[:, 1:][counted]
        with recording(model, cut) as recorded:
            rows = head.rows(model, batch.tokens, counted)
        if done == 0 and not _is_exact(model, head, cut, recorded, batch=batch, rows=rows):
            cut = None
        original = list(head.log_probabilities(rows))
        columns = _columns(ORIGINAL, original, following, original)
        for candidate in candidates:
            place = in_place(model, candidate, sites, excluded=batch.excluded)
            with skipping(model, cut, recorded), place:
                rows = head.rows(model, batch.tokens, counted)
            changed = head.log_probabilities(rows)
            columns |= _columns(candidate.name, changed, following, original)
        sums.add(batch.documents[:, :-1][counted], columns | {"n": torch.ones(len(rows))})
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


def _columns(
    name: str,
    changed: Iterable[Float[Tensor, "_ v"]],
    next_tokens: Int[Tensor, " n"],
    original: Sequence[Float[Tensor, "_ v"]],
) -> dict[str, Tensor]:
    """Return the cross-entropy and the divergence from the original at each position."""
    cross, kl = [], []
    parts = next_tokens.split([len(part) for part in original])
    for new, old, following in zip(changed, original, parts, strict=True):
        cross.append(-new.gather(1, following[:, None]).squeeze(1))
        kl.append(divergence(old, new))
    return {f"ce {name}": torch.cat(cross), f"kl {name}": torch.cat(kl)}


@contextmanager
def rewriting(
    model: nn.Module,
    site: Site,
    target: Site,
    change: Callable[[Float[Tensor, "s c i"], Float[Tensor, "s c o"]], Float[Tensor, "s c o"]],
) -> Iterator[None]:
    """Within the block, replace what `target` carries by `change(x, y)`.

    `x` is what `site` carried earlier in the same pass, `y` what `target` carries.
    """
    read: list[Tensor] = []

    def note(x: Float[Tensor, "s c i"]) -> Float[Tensor, "s c i"]:
        read[:] = [x]
        return x

    def put(y: Float[Tensor, "s c o"]) -> Float[Tensor, "s c o"]:
        if site == target:
            return change(y, y)
        if not read:
            raise UserError(
                f"the model comes to `{target}` before `{site}`, so nothing can be written there "
                "from what is read; a transcoder must rebuild a later site"
            )
        return change(read[0], y)

    with ExitStack() as stack:
        if site != target:
            stack.enter_context(writing(model, site, note))
        stack.enter_context(writing(model, target, put))
        yield


@contextmanager
def in_place(
    model: nn.Module,
    candidate: Candidate,
    sites: Mapping[str, Site],
    *,
    excluded: Bool[Tensor, "s c"],
) -> Iterator[None]:
    """Put a candidate's reconstruction at its target while the model runs inside."""
    keep = ~excluded

    def put(x: Float[Tensor, "s c i"], y: Float[Tensor, "s c o"]) -> Float[Tensor, "s c o"]:
        out = y.clone()
        out[keep] = candidate.rebuild(x[keep].float()).activations.to(y)
        return out

    with rewriting(model, sites[candidate.site], sites[candidate.target], put):
        yield


def _is_exact(
    model: nn.Module,
    head: Head,
    cut: Cut | None,
    recorded: Recording,
    *,
    batch: Contexts,
    rows: Float[Tensor, "n h"],
) -> bool:
    """Say whether running the upper blocks alone gives the very same rows."""
    if cut is None:
        return True
    with skipping(model, cut, recorded):
        return torch.equal(head.rows(model, batch.tokens, scored(batch)), rows)
