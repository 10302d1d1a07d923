"""Scores against the truth, ours and SAELens', on the same tokens: they are to be the same.

    python benchmarks/against_saelens.py [--environment runs/quality/peers]

Makes the peers' environment if it is not there, and goes on in it, where SAELens and this library
can both be imported.  Dictionaries of several kinds are trained on two of our worlds and on one of
SAELens' own synthetic models, and measured by `unmix.evaluation.planted.against_truth` and by
`sae_lens.synthetic.eval_sae_on_synthetic_data`.  Ends with 1 if two numbers differ by more than
1e-6.  A second table compares how often features are on in SAELens' model and in our `synth`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.evaluation.planted import APART, against_truth
from unmix.training.config import DictionaryConfig
from unmix.training.planted import Pupil, learn
from unmix.worlds.named import world
from unmix.worlds.synth import synth
from unmix.worlds.world import Sample, World, coded

HERE = Path(__file__).resolve().parent
CLOSE = 1e-6
NAMES = {
    "true L0": ("true_l0",),
    "L0": ("sae_l0",),
    "dead latents": ("dead_latents",),
    "L2 ratio": ("shrinkage",),
    "explained variance": ("explained_variance",),
    "MCC": ("mcc",),
    "uniqueness": ("uniqueness",),
    "precision": ("classification", "precision"),
    "recall": ("classification", "recall"),
    "F1": ("classification", "f1_score"),
    "accuracy": ("classification", "accuracy"),
}
"""What our scores are called in SAELens' result."""
KINDS = ("relu", "topk", "batch-topk", "jumprelu", "gated")


class Settings(NamedTuple):
    """How much is measured."""

    tokens: int
    steps: int
    environment: Path


def main() -> None:
    """Go on in the peers' environment, or measure, if this is it."""
    settings = parsed()
    try:
        import sae_lens  # noqa: F401
    except ImportError:
        sys.exit(elsewhere(settings))
    print(f"SAELens {version('sae-lens')}, {settings.tokens:,} tokens")
    theirs = Theirs()
    worst = max(compared(theirs, settings))
    print(f"\nlargest difference: {worst:.1e}")
    frequencies(theirs, settings)
    sys.exit(worst > CLOSE)


def parsed() -> Settings:
    """Read the flags, with what both environments have."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--tokens", type=int, default=65_536, help="tokens to measure on")
    parser.add_argument("--steps", type=int, default=300, help="steps of each training")
    place = "virtual environment of the peers; made if it is not there"
    parser.add_argument("--environment", type=Path, default=Path("runs/quality/peers"), help=place)
    return Settings(**vars(parser.parse_args()))


def elsewhere(settings: Settings) -> int:
    """Run this script with the peers' Python."""
    from quality.peers import environment

    try:
        peers = environment(settings.environment, lambda text: print(text, file=sys.stderr))
    except UserError as error:
        sys.exit(str(error))
    places = {"PYTHONPATH": str(HERE.parent / "src"), "TQDM_DISABLE": "1"}
    command = [str(peers), str(HERE / "against_saelens.py"), *sys.argv[1:]]
    return subprocess.run(command, check=False, env=os.environ | places).returncode


def compared(theirs: World, settings: Settings) -> Iterator[float]:
    """Print both sides' scores of each dictionary; yield the largest difference of each."""
    places = {"superposed": world("superposed"), "tree": world("tree"), "theirs": theirs}
    for place, there in places.items():
        for kind in KINDS:
            config = DictionaryConfig.model_validate(
                {"kind": kind, "latents": 48, "k": 4, "lr": 3e-3}
            )
            dictionary = learn(there, {"it": Pupil(config)}, steps=settings.steps)["it"]
            mine, other = both(there, dictionary, settings.tokens)
            print(f"\n{place}, {kind:12}{'unmix':>14}{'SAELens':>14}{'difference':>14}")
            for name, value in mine.items():
                apart = abs(value - other[name])
                print(f"  {name:22}{value:14.8f}{other[name]:14.8f}{apart:14.1e}")
            yield max(abs(mine[name] - other[name]) for name in mine)


def both(there: World, dictionary: Dictionary, n: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the scores by name, ours and SAELens'."""
    from sae_lens.synthetic import eval_sae_on_synthetic_data

    found = against_truth(there, dictionary, n=n)
    given = Given(there, there.stream(4096, seed=APART))
    result = eval_sae_on_synthetic_data(Read(dictionary), given, given, n, 4096).to_dict()
    theirs = {}
    for name, path in NAMES.items():
        value = result
        for key in path:
            value = value[key]
        theirs[name] = float(value) / (dictionary.n_latents if name == "dead latents" else 1)
    return {name: found[name].value or 0.0 for name in NAMES}, theirs


@final
class Given:
    """What SAELens asks a generator and a feature dictionary for, from a stream of ours."""

    def __init__(self, there: World, stream: Iterator[Sample]) -> None:
        self.feature_vectors = there.directions
        self.stream = stream
        self.x = torch.zeros(0)

    def sample(self, n: int) -> Tensor:
        """Return the sizes of the features of the next batch."""
        self.x, code = next(self.stream)
        assert len(self.x) == n
        return code.dense()

    def __call__(self, acts: Tensor) -> Tensor:
        """Return the activations that were drawn with them."""
        assert len(acts) == len(self.x)
        return self.x


@final
class Read(nn.Module):
    """What SAELens asks a dictionary for."""

    def __init__(self, dictionary: Dictionary) -> None:
        super().__init__()
        self.dictionary = dictionary
        self.W_dec = dictionary.W_dec

    def encode(self, x: Tensor) -> Tensor:
        """Return the acts, densely."""
        return self.dictionary.encode(x).dense()

    def decode(self, acts: Tensor) -> Tensor:
        """Return the reconstruction."""
        return acts @ self.W_dec + self.dictionary.b_dec


@final
class Theirs(World):
    """One of SAELens' synthetic models, as a world: their tokens, in their order."""

    def __init__(self, n_features: int = 512, width: int = 96) -> None:
        self.model = their_model(n_features, width)
        self.directions = self.model.feature_dict.feature_vectors.detach()
        self.parents = torch.full((n_features,), -1)

    def sample(self, n: int, *, seed: int = 0, number: int = 0) -> Sample:
        """Draw from their model."""
        torch.manual_seed((seed * 1_000_003 + number) % 2**63)
        x, acts = self.model.sample_with_features(n)
        return Sample(x.detach(), coded(acts))


def their_model(n_features: int, width: int) -> Any:
    """Return SAELens' model of the kind of SynthSAEBench, smaller."""
    from sae_lens import synthetic

    return synthetic.SyntheticModel(
        synthetic.SyntheticModelConfig(
            num_features=n_features,
            hidden_dim=width,
            firing_probability=synthetic.ZipfianFiringProbabilityConfig(
                exponent=0.5, max_prob=0.4, min_prob=5e-4
            ),
            hierarchy=synthetic.HierarchyConfig(
                total_root_nodes=16,
                branching_factor=3,
                max_depth=2,
                mutually_exclusive_portion=1.0,
                compensate_probabilities=True,
                scale_children_by_parent=True,
            ),
            orthogonalization=synthetic.OrthogonalizationConfig(num_steps=100, lr=3e-4),
            correlation=synthetic.LowRankCorrelationConfig(rank=25, correlation_scale=0.1),
            mean_firing_magnitudes=synthetic.LinearMagnitudeConfig(start=5.0, end=4.0),
            std_firing_magnitudes=synthetic.FoldedNormalMagnitudeConfig(mean=0.5, std=0.5),
            bias=0.5,
            seed=42,
        )
    )


def frequencies(theirs: World, settings: Settings) -> None:
    """Print how often features are on, and how strongly, in their model and in ours."""
    ours = synth(n_features=512, width=96, trees=16, branches=3, depth=2)
    rows = {"unmix": _shape(ours, settings.tokens), "SAELens": _shape(theirs, settings.tokens)}
    print(f"\n{'512 features in 96 dimensions':32}" + "".join(f"{n:>14}" for n in rows))
    for name in next(iter(rows.values())):
        print(f"  {name:30}" + "".join(f"{row[name]:14.4f}" for row in rows.values()))


def _shape(there: World, n: int) -> dict[str, float]:
    stream = there.stream(4096)
    samples = [next(stream) for _ in range(n // 4096)]
    acts = torch.cat([s.code.dense() for s in samples])
    x = torch.cat([s.x for s in samples])
    on = (acts > 0).float()
    level = {"roots": slice(16), "children": slice(16, 64), "grandchildren": slice(64, 208)}
    found = {"features a token": float(on.sum(1).mean())}
    found |= {f"chance, {name}": float(on[:, part].mean()) for name, part in level.items()}
    found["chance, those alone"] = float(on[:, 208:].mean())
    found["size, roots"] = float(acts[:, :16].sum() / on[:, :16].sum())
    found["size, grandchildren"] = float(acts[:, 64:208].sum() / on[:, 64:208].sum())
    found["mean square of x - mean"] = float((x - x.mean(0)).square().mean())
    cosines = (there.directions @ there.directions.T).abs().fill_diagonal_(0)
    found["mean largest |cosine|"] = float(cosines.amax(1).mean())
    return found


if __name__ == "__main__":
    main()
