"""What the page's equations promise, tried on the functions that their symbols point to.

Each is given a seed and raises AssertionError where a promise is broken.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.sparsity import ReLU, Sparsity, TopK
from unmix.evaluation.planted import Energies
from unmix.training.objectives import l1, look_at
from unmix.worlds.world import coded

N, D, M = 16, 6, 10
"""Tokens, width and latents that are tried."""
NEAR = 1e-4


def topk(seed: int) -> None:
    """TopK keeps at most k acts, none negative, and drops no score that exceeds a kept one."""
    dictionary, x = _drawn(seed, TopK(1 + seed % M))
    k = 1 + seed % M
    acts = dictionary.encode(x).dense()
    scores = ((x - dictionary.b_pre) @ dictionary.W_enc.T + dictionary.b_enc).relu()
    kept = acts > 0
    assert bool((kept.sum(1) <= k).all()), "more than k latents fire"
    assert bool((acts >= 0).all()), "an act is negative"
    assert bool((acts[kept] - scores[kept]).abs().le(NEAR).all()), "a kept act is not its score"
    least = acts.where(kept, torch.inf).amin(1)
    dropped = scores.where(~kept, 0.0).amax(1)
    full = kept.sum(1) == k
    assert bool((dropped <= least + NEAR)[full].all()), "a dropped score exceeds a kept one"
    assert bool((dropped <= NEAR)[~full].all()), "a positive score was dropped with room left"


def encode(seed: int) -> None:
    """Acts are ReLU(W_enc (x - b_pre) + b_enc)."""
    dictionary, x = _drawn(seed, ReLU())
    scores = (x - dictionary.b_pre) @ dictionary.W_enc.T + dictionary.b_enc
    assert bool((dictionary.encode(x).dense() - scores.relu()).abs().le(NEAR).all())


def decode(seed: int) -> None:
    """Decoding is affine: a sum of directions times acts, and a bias."""
    dictionary, _ = _drawn(seed, ReLU())
    draw = torch.Generator().manual_seed(seed + 1)
    a, b = (torch.rand(N, M, generator=draw) for _ in range(2))
    bias = dictionary.b_dec
    both, one, other = (dictionary.decode(coded(z)) - bias for z in (a + 2 * b, a, b))
    assert bool((both - one - 2 * other).abs().le(NEAR).all()), "decoding is not linear in acts"
    assert bool((one - a @ dictionary.W_dec).abs().le(NEAR).all()), "it adds other directions"


def objective(seed: int) -> None:
    """The loss is the mean over tokens of the squared error and lambda times the sum of acts."""
    dictionary, x = _drawn(seed, ReLU())
    look = look_at(dictionary, x, x)
    acts = dictionary.encode(x).dense()
    error = (dictionary.decode(coded(acts)) - x).square().sum(1).mean()
    assert torch.isclose(look.reconstruction, error, rtol=NEAR), "another squared error"
    price = l1(look, by_norm=False)
    assert torch.isclose(price, acts.sum(1).mean(), rtol=NEAR, atol=NEAR), "another penalty"


def gamma(seed: int) -> None:
    """The relative bias is the g at which E|x' / g - x|^2 is least."""
    dictionary, x = _drawn(seed, TopK(3))
    code = dictionary.encode(x)
    rebuilt = 0.7 * dictionary.decode(code)
    energies = Energies(D)
    energies.add(x, rebuilt, code, code)
    found = energies.found()["relative bias"]
    centred, out = (y.double() - x.double().mean(0) for y in (x, rebuilt))

    def error(g: float) -> float:
        return float((out / g - centred).square().sum())

    assert error(found) <= min(error(found * 1.01), error(found * 0.99)), "another is better"


EQUATIONS: Mapping[str, Callable[[int], None]] = {
    "encode": encode,
    "decode": decode,
    "objective": objective,
    "topk": topk,
    "gamma": gamma,
}


def _drawn(seed: int, sparsity: Sparsity) -> tuple[Dictionary, Float[Tensor, "n d"]]:
    """Return a dictionary with random numbers everywhere, and tokens."""
    draw = torch.Generator().manual_seed(seed)
    dictionary = Dictionary(D, M, sparsity).eval().requires_grad_(False)
    for part in dictionary.parameters():
        part.copy_(torch.randn(part.shape, generator=draw))
    return dictionary, torch.randn(N, D, generator=draw)
