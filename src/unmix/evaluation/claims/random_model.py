"""A dictionary on a model of random weights, where a loss that stays as it was says nothing."""

from pathlib import Path

from unmix.activations.config import SourceConfig
from unmix.evaluation.claims import language, record
from unmix.evaluation.claims.claim import Claim, Numbers, Rule
from unmix.training.config import DictionaryConfig, TrainConfig
from unmix.training.reading import open_source

TOKENS, HELD_OUT, STEPS, BATCH = 8192, 4096, 64, 512


def numbers(seed: int, folder: Path) -> Numbers:
    """Train a dictionary and its frozen twin on random weights and, as long, on the model's own."""
    key = record.key_of("random_model", is_real=True)
    own = {"tokens": TOKENS, "held_out_tokens": HELD_OUT, "shard": 4096, "random_weights": seed}
    sources: dict[str, SourceConfig | None] = {
        "random": language.SOURCE.model_copy(update=own),
        "trained": None,
    }
    found: Numbers = {}
    for name, source in sources.items():
        out = folder / "real" / f"{name}_model-{seed}-{key}"
        store = folder / "real" / "store" if source is None else out / "store"
        tokens = language.SOURCE.tokens if source is None else source.tokens
        config = TrainConfig(
            out=out,
            store=str(store),
            source=source,
            dictionary=DictionaryConfig(latents=576, k=32, seed=seed),
            passes=STEPS * BATCH / tokens,
            batch=BATCH,
            seed=seed,
        )
        run = language.learnt(config)
        scores = language.measured(run, open_source(config), tokens=512)
        found |= {f"{what}, {name}": value for what, value in scores.items()}
    return found


def increase(n: Numbers, what: str, model: str) -> float:
    """Return how much larger CE is with something in place."""
    return n[f"CE, {what}, {model}"] - n[f"CE, original, {model}"]


LEARNT = "batch-topk-576-k32"
CLAIM = Claim(
    name="random_model",
    says="On a model of random weights a dictionary keeps the loss as it was, and so do its twin "
    "with frozen directions and the mean activation: only the controls tell that it found nothing. "
    "By variance explained it does not pass there, after as short a training",
    source="Heap et al. 2025 (arXiv 2501.17727); Bricken et al. 2023 on shuffled weights",
    worlds=(),
    numbers=numbers,
    is_real=True,
    rules=(
        Rule("rise of CE by the dictionary", lambda n: increase(n, LEARNT, "random"), most=0.05),
        Rule("rise of CE by its frozen twin", lambda n: increase(n, "frozen", "random"), most=0.05),
        Rule("rise of CE by the mean", lambda n: increase(n, "mean", "random"), most=0.05),
        Rule(
            "trained model: rise of CE by the mean, less that by the dictionary",
            lambda n: increase(n, "mean", "trained") - increase(n, LEARNT, "trained"),
            1,
        ),
        Rule(
            "FVU, random less trained",
            lambda n: n[f"FVU, {LEARNT}, random"] - n[f"FVU, {LEARNT}, trained"],
            0.1,
        ),
    ),
)
