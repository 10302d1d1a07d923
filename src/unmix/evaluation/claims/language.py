"""Claims on a language model: activations read once, dictionaries on them, what the model loses.

    FOLDER/real/store        activations of the demo's model at the demo's site, for all seeds
    FOLDER/real/NAME-KEY     runs of `unmix.training.run`, one a seed, found again under their key

The model is SmolLM2-135M, the site its middle, `resid.12`; text and model come with the demo.

Axes: n tokens, d width.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from unmix.activations.config import SourceConfig
from unmix.activations.source import Source, held_out
from unmix.evaluation.candidates import Candidate, Rebuilt, mean
from unmix.evaluation.claims.claim import Numbers
from unmix.evaluation.coded import coded
from unmix.evaluation.fidelity import FVU, L0, FidelityPass
from unmix.evaluation.heldout import HeldOut
from unmix.evaluation.splicing import ORIGINAL, splice
from unmix.models.sites import resolve
from unmix.training.config import TrainConfig
from unmix.training.finished import dictionaries, model_of
from unmix.training.reading import open_source
from unmix.training.run import resume, train

SOURCE = SourceConfig(tokens=131_072, held_out_tokens=16_384, model_dtype="auto")
"""What is read of the trained model."""


def harvested(folder: Path, *, report: Callable[[str], None] = lambda _: None) -> Source:
    """Return the activations that all seeds share, reading them if they are not there."""
    config = TrainConfig(store=str(folder / "real" / "store"), source=SOURCE)
    return open_source(config, report=report)


def learnt(config: TrainConfig) -> Path:
    """Train, go on, or find it done; return the run's folder."""
    if (config.out / "config.json").exists():
        return resume(config.out)
    return train(config)


def measured(
    run: Path, source: Source, *, tokens: int, others: Sequence[Candidate] = ()
) -> Numbers:
    """Return FVU, L0 and CE of the dictionaries of a run, of its frozen twin and of others.

    `CE, original` is that of the model as it is, `CE, mean` with the mean activation in place.

    Args:
        tokens: Tokens of held-out contexts that the whole model is run on, once for each in place.
    """
    every = [*coded(run, dictionaries(run)), *others]
    site = every[0].site
    moments = source.moments(site)
    every.append(mean(site, site, mean=moments.mean))
    fidelity = FidelityPass(every, mean=moments.mean)
    contexts = HeldOut((site,), n_shards=source.n_shards("held_out"), tokens=tokens)
    for shard in held_out(source):
        fidelity.add(shard)
        contexts.add(shard)
    model = model_of(source).model
    sites = {site: resolve(model, site)}
    spliced = splice(model, every, sites=sites, contexts=contexts.contexts())
    found: Numbers = {}
    for name, one in fidelity.found().items():
        for metric in (FVU, L0):
            found[f"{metric.name}, {name}"] = float(metric.formula(one.sums.total()))
    total = spliced.sums.total()
    for name in (ORIGINAL, *(one.name for one in every)):
        found[f"CE, {name}"] = float(total[f"ce {name}"] / spliced.n)
    return found


def itself(site: str) -> Candidate:
    """Return the candidate that puts every activation in its own place."""

    def rebuild(x: Float[Tensor, "n d"]) -> Rebuilt:
        return Rebuilt(x, None)

    return Candidate(
        name="itself", role="baseline", about="", site=site, target=site, rebuild=rebuild
    )
