"""Compile the CPU kernels beforehand: `python -m unmix.dictionaries.warm`.

They are otherwise compiled when they are first called, which takes some seconds once on a machine.
A process that has to wait for a download can have that done on a core with nothing else to do.

Axes: n tokens, d width.
"""

import subprocess
import sys

import torch

from unmix.dictionaries.code import Code
from unmix.dictionaries.dictionary import Dictionary
from unmix.dictionaries.kernels import cpu
from unmix.dictionaries.products import compare
from unmix.dictionaries.sparsity import BatchTopK, TopK

TOKENS, WIDTH, LATENTS, K = 512, 32, 1024, 4


def begin() -> subprocess.Popen[bytes]:
    """Compile in a process of its own; nobody need wait for it."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", __name__], stdout=quiet, stderr=quiet)


def main() -> None:
    """Take a step of training by hand, and rebuild some numbers."""
    x = torch.randn(TOKENS, WIDTH)
    for sparsity in (BatchTopK(K), TopK(K)):
        dictionary = Dictionary(WIDTH, LATENTS, sparsity)
        for p in dictionary.parameters():
            torch.nn.init.normal_(p)
        pre, support = dictionary.train().read(x)
        code = Code(sparsity.acts(pre, support.latents), support)
        compare(
            code.values,
            support,
            dictionary.W_dec,
            base=dictionary.base(x),
            target=x,
            ends=[LATENTS],
            weights=[1.0],
        ).loss.backward()
        code.counts()
        dictionary.eval()(x)
    W, gradient = dictionary.W_dec.detach(), dictionary.W_dec.grad
    assert gradient is not None
    cpu.squares(W, gradient, True)
    moments = (torch.zeros_like(W), torch.zeros_like(W))
    options = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "step": 1, "unit": True}
    cpu.adam(W, gradient, *moments, scale=torch.ones(()), **options)


if __name__ == "__main__":
    main()
