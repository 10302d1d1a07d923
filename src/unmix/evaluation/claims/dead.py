"""Dead latents: the encoder's start, AuxK, and centring."""

import torch

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.claims.claim import Claim, Numbers, Rule, pupil, scores
from unmix.training.planted import learn, of_truth
from unmix.worlds.chance import draws
from unmix.worlds.small import superposed
from unmix.worlds.world import Planted

NAMES = ("dead latents", "FVU", "recovered > 0.9")


def numbers(seed: int) -> Numbers:
    """Train on activations with a large constant, from tied and untied encoders."""
    world = superposed(n_features=256, width=48, chance=4 / 256, zipf=0.7, offset=3.0, seed=seed)
    made: Numbers = {}
    for where in ("raw", "centred"):
        pupils = {}
        for encoder in ("tied", "untied"):
            for aux in (0.0, 1 / 32):
                one = pupil("topk", 256, 4, seed=seed, aux=aux, dead_after=50_000)
                start = None if encoder == "tied" else _untied(world, one.config.latents, seed)
                pupils[f"{where} {encoder} {'aux' if aux else 'none'}"] = one._replace(start=start)
        taught = learn(
            world, pupils, steps=1000, batch=512, seed=seed, is_scaled=where == "centred"
        )
        made |= scores(world, taught, NAMES, seed=seed)
    return made


def _untied(world: Planted, m: int, seed: int) -> Dictionary:
    """Return a dictionary whose encoder was drawn by itself."""
    made = of_truth(world, pupil("topk", m, 4, seed=seed).config)
    draw = draws(seed, "untied")
    with torch.no_grad():
        for W in (made.W_enc, made.W_dec):
            W.copy_(torch.nn.functional.normalize(torch.randn(W.shape, generator=draw), dim=1))
    return made


CLAIM = Claim(
    name="dead",
    says="An encoder tied to the directions at the start, AuxK and centring each leave fewer dead "
    "latents where activations have a large constant",
    source="Gao et al. 2024, section 2.2; arXiv 2605.31518 on centring",
    worlds=("superposed",),
    numbers=numbers,
    rules=(
        Rule(
            "dead, untied less tied",
            lambda n: n["dead latents, raw untied none"] - n["dead latents, raw tied none"],
            0.05,
        ),
        Rule(
            "dead, without AuxK less with it, untied",
            lambda n: n["dead latents, raw untied none"] - n["dead latents, raw untied aux"],
            0.05,
        ),
        Rule(
            "dead, raw less centred, tied",
            lambda n: n["dead latents, raw tied none"] - n["dead latents, centred tied none"],
            0.05,
        ),
    ),
)
