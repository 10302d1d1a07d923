"""Dictionaries of one site and a source in, every number about them and their controls out.

Two passes over the held-out shards: the first measures the dictionaries, which says how many
components PCA gets and which latents are alive; the second measures PCA and finds examples.  Then
the model runs with each in place.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from unmix.activations.source import Shard, Source
from unmix.evaluation import candidates, density
from unmix.evaluation.candidates import Candidate
from unmix.evaluation.controls import Spread, linear, spread
from unmix.evaluation.examples import ExamplesPass, Gathered, draw
from unmix.evaluation.fidelity import ABLATED, CODED, L0, Fidelity, FidelityPass
from unmix.evaluation.heldout import Contexts, Counted, HeldOut
from unmix.evaluation.result import Measured
from unmix.evaluation.score import RESAMPLES, Score, score
from unmix.evaluation.splicing import (
    CE,
    ORIGINAL,
    SPLICING,
    Spliced,
    columns_of,
    splice,
    unembedding,
)
from unmix.models.sites import resolve

PCA_TOKENS = 2**19
"""Training tokens PCA is fitted on, about; where the model runs on the fly, the first shard's."""

Progress = Callable[[str], None]


class Settings(NamedTuple):
    """How much is measured."""

    splice_tokens: int = 8192
    """Tokens of held-out contexts the whole model is run on, once for each in its place."""
    latents: int = 10
    """Latents drawn for the report."""
    resamples: int = RESAMPLES
    """Bootstrap resamples behind an interval."""
    seed: int = 0
    """Seed of the resamples and of the latents drawn."""


class Found(NamedTuple):
    """Everything about the dictionaries of one run."""

    site: str
    target: str
    measured: list[Measured]
    """In the order given, then PCA, mean and zero."""
    counted: Counted
    original: Score | None
    """Cross-entropy of the unchanged model; None where it has no logits."""
    positions: int
    """Predictions behind the cross-entropies."""
    is_shortcut: bool
    """Whether the model's lower blocks ran once for all (checked to be bit-equal)."""
    latents: list[int]
    """Latents of the first dictionary drawn for the report."""
    gathered: Gathered | None
    """Where they fire; None if nothing fired at all."""


def measure(
    source: Source,
    coded: Sequence[Candidate],
    *,
    model: nn.Module,
    settings: Settings,
    progress: Progress,
) -> Found:
    """Measure candidates with latents, the first of them a dictionary, beside fixed controls."""
    site, target = coded[0].site, coded[0].target
    mean = source.moments(target).mean
    constants = _constants(site, target, mean)
    n_shards = source.n_shards("held_out")
    heldout = HeldOut((site, target), n_shards=n_shards, tokens=settings.splice_tokens)
    first = FidelityPass([*coded, *constants], mean=mean)
    for shard in _held_out(source, "measuring the dictionaries", progress):
        heldout.add(shard)
        first.add(shard)
    fidelity = first.found()

    progress("fitting PCA to the training activations")
    linears = _linear(source, coded, fidelity)
    latents = _draw(fidelity[coded[0].name], settings)
    second, examples = FidelityPass(linears, mean=mean), ExamplesPass(coded[0], latents)
    for shard in _held_out(source, "measuring PCA and looking for examples", progress):
        second.add(shard)
        examples.add(shard)
    fidelity |= second.found()

    every = [*coded, *linears, *constants]
    spliced = _splice(model, every, contexts=heldout.contexts(), progress=progress)
    return Found(
        site,
        target,
        measured=[_measured(c, fidelity[c.name], spliced, settings=settings) for c in every],
        counted=heldout.counted(),
        original=_original(spliced, settings),
        positions=0 if spliced is None else spliced.n,
        is_shortcut=spliced is not None and spliced.is_shortcut,
        latents=latents.tolist(),
        gathered=examples.found() if len(latents) else None,
    )


def rebuild_only(
    source: Source, candidate: Candidate, *, settings: Settings, progress: Progress
) -> Measured:
    """Measure one candidate on a source of its own, without a model to put it into."""
    fidelity = FidelityPass([candidate], mean=source.moments(candidate.target).mean)
    for shard in _held_out(source, f"measuring {candidate.name}", progress):
        fidelity.add(shard)
    return _measured(candidate, fidelity.found()[candidate.name], None, settings=settings)


def _draw(first: Fidelity, settings: Settings) -> Int[Tensor, " q"]:
    assert first.counts is not None, "a dictionary has latents"
    return draw(first.counts, count=settings.latents, seed=settings.seed)


def _constants(site: str, target: str, mean: Float[Tensor, " o"]) -> list[Candidate]:
    return [
        candidates.mean(site, target, mean=mean),
        candidates.zero(site, target, width=len(mean)),
    ]


def _held_out(source: Source, what: str, progress: Progress) -> Iterator[Shard]:
    shards = source.n_shards("held_out")
    for number in range(shards):
        progress(f"{what}, held-out shard {number + 1} of {shards}")
        yield source.shard("held_out", number)


def _linear(
    source: Source, coded: Sequence[Candidate], fidelity: dict[str, Fidelity]
) -> list[Candidate]:
    """Return PCA with as many components as the L0 of each dictionary."""
    site, target = coded[0].site, coded[0].target
    ranks = set()
    for candidate in coded:
        if candidate.role == "dictionary":
            ranks.add(max(1, round(float(L0.formula(fidelity[candidate.name].sums.total())))))
    moments = _spread(source, site, target)
    limit = min(moments.cross.shape)
    made = [
        linear(moments, site, target, components=rank)
        for rank in sorted({min(rank, limit) for rank in ranks})
    ]
    return made


def _spread(source: Source, site: str, target: str) -> Spread:
    """Read as much of the training activations as PCA needs."""
    count = source.n_shards("train")
    wanted = 1 if source.in_sequence else min(count, max(1, PCA_TOKENS // source.config.shard))
    # Spread evenly: neighbouring shards may hold parts of the same long documents.
    shards = (source.shard("train", i * count // wanted) for i in range(wanted))
    means = (source.moments(site).mean, source.moments(target).mean)
    return spread(shards, site, target, mean_in=means[0], mean_out=means[1])


def _splice(
    model: nn.Module, every: Sequence[Candidate], *, contexts: Contexts, progress: Progress
) -> Spliced | None:
    """Run the model with each in place, if it has logits and there is a context to run it on."""
    if unembedding(model) is None or not len(contexts.tokens):
        return None
    sites = {name: resolve(model, name) for name in (every[0].site, every[0].target)}
    return splice(model, every, sites=sites, contexts=contexts, progress=progress)


def _measured(
    candidate: Candidate, fidelity: Fidelity, spliced: Spliced | None, *, settings: Settings
) -> Measured:
    """Put all scores of one candidate together."""
    drawn = {"resamples": settings.resamples, "seed": settings.seed}
    metrics = ABLATED if candidate.role == "ablation" else CODED
    scores = score(metrics, fidelity.sums, n=fidelity.n, seconds=fidelity.seconds, **drawn)
    if spliced is not None:
        columns = columns_of(candidate.name)
        sums, n = spliced.sums, spliced.n
        scores += score(SPLICING, sums, n=n, seconds=spliced.seconds, columns=columns, **drawn)
    shown = None
    if fidelity.counts is not None:
        scores += density.shares(fidelity.counts, fidelity.n, seconds=fidelity.seconds)
        shown = density.histogram(fidelity.counts, fidelity.n)
    return Measured(
        name=candidate.name,
        role=candidate.role,
        about=candidate.about,
        scores={one.name: one for one in scores},
        density=shown,
        n_latents=candidate.n_latents,
        fingerprint=candidate.fingerprint,
    )


def _original(spliced: Spliced | None, settings: Settings) -> Score | None:
    if spliced is None:
        return None
    (found,) = score(
        [CE],
        spliced.sums,
        n=spliced.n,
        seconds=spliced.seconds,
        columns=columns_of(ORIGINAL),
        resamples=settings.resamples,
        seed=settings.seed,
    )
    return found
