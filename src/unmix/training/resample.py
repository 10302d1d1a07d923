"""New directions for dead latents, from the inputs that are rebuilt worst (Bricken et al. 2023).

The six steps of its appendix A.2, with the batch at hand as the subset of inputs (the source
takes 819,200 of them; a batch has thousands, and far fewer latents to revive).

Axes: n tokens, m latents.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from unmix.training.objectives import Look
from unmix.training.optimiser import Optimiser


@torch.no_grad()
def resample(look: Look, dead: Int[Tensor, " dead"], optimiser: Optimiser, *, seed: int) -> None:
    """Point each dead latent at an input drawn in proportion to its squared loss.

    The direction is that input at unit length (the error's target, for a transcoder); the
    encoder's row the input at 0.2 of the mean norm of the living rows; the bias zero; Adam's
    moments of all of them zero.
    """
    if len(dead) == 0:
        return
    d = look.dictionary
    losses = look.error.square().sum(1)
    draw = torch.Generator(device="cpu").manual_seed(seed)
    chances = losses.square().cpu().double()
    picked = torch.multinomial(
        chances, len(dead), replacement=len(dead) > len(chances), generator=draw
    )
    picked = picked.to(dead.device)
    alive = torch.ones(d.n_latents, dtype=torch.bool, device=dead.device)
    alive[dead] = False
    norm = d.W_enc[alive].norm(dim=1).mean() if alive.any() else d.W_enc.norm(dim=1).mean()
    given = look.x[picked] - d.b_pre
    wanted = look.target[picked] - d.b_dec
    d.W_dec[dead] = wanted / wanted.norm(dim=1, keepdim=True).clamp(min=1e-12)
    d.W_enc[dead] = 0.2 * norm * given / given.norm(dim=1, keepdim=True).clamp(min=1e-12)
    d.b_enc[dead] = 0.0
    optimiser.forget(dead)
