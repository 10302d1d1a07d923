"""Compile every Triton kernel for an H100 as it would be launched; no GPU is needed.

Calls the host's side on CPU tensors, and where it would launch a kernel compiles it for the types
and constants it was given.  Writes the names of the kernels.
"""

import sys
from typing import Any

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from unmix.dictionaries.kernels import cuda, encode_cuda, launch_cuda, screen_cuda

TARGET = GPUTarget("cuda", 90, 32)
POINTERS = {
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.int64: "*i64",
    torch.int32: "*i32",
    torch.int8: "*i8",
    torch.uint8: "*u8",
}


def compiled(kernel: Any, _grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Compile what would be launched."""
    constants = {n: v for n, v in options.items() if n in kernel.arg_names}
    rest = {n: v for n, v in options.items() if n not in constants}
    names = [n for n in kernel.arg_names if n not in constants]
    kinds = dict(zip(names, map(kind_of, arguments), strict=True))
    types = {n: kinds.get(n, "constexpr") for n in kernel.arg_names}
    places = {(kernel.arg_names.index(n),): v for n, v in constants.items()}
    triton.compile(ASTSource(kernel, types, places), target=TARGET, options=rest)
    sys.stdout.write(f"{kernel.__name__}\n")


def kind_of(argument: Any) -> str:
    """Return Triton's name of an argument's type."""
    if isinstance(argument, Tensor):
        return POINTERS[argument.dtype]
    return "fp32" if isinstance(argument, float) else "i32"


def main() -> None:
    """Call everything that launches a kernel."""
    for module in (cuda, encode_cuda, launch_cuda, screen_cuda):
        setattr(module, "launch", compiled)  # noqa: B010
    n, d, m = 3, 700, 1000
    x, W, b = torch.zeros(n, d), torch.zeros(m, d), torch.zeros(m)
    for by_size in (False, True):
        cuda.largest(x, W, b, 32, by_size)
    cuda.above(x, W, b, b)
    ones, offsets, tokens = torch.ones(4), torch.tensor([0, 2, 2, 4]), torch.tensor([0, 0, 2, 2])
    cuda.sum_rows(ones, tokens, offsets, W)
    cuda.add_by_latent(ones, tokens, *cuda.sort_by_latent(tokens, m), x, W)
    for ends in ([m], [10, m]):
        for apart in (False, True):
            cuda.fit(ones, tokens, offsets, W, x[:1], x, ends, [1.0] * len(ends), apart)
    short = W.to(torch.int8), b, W.to(torch.uint8), b.clone()
    for unit, lr, step in ((False, 0.1, 3), (True, torch.tensor(0.1), torch.tensor(3))):
        more = {"lr": lr, "scale": torch.tensor(1.0), "unit": unit}
        adam = more | {"betas": (0.9, 0.999), "eps": 1e-8, "step": step}
        cuda.squares(W, W, unit)
        cuda.adam(W, W, W, W, **adam)
        cuda.adam8(W, W, *short, **adam)
        cuda.signum(W, W, W, **more, beta=0.9)


if __name__ == "__main__":
    main()
