"""What is measured against the truth: each score's name, unit, meaning and source.

`docs/metrics/` has a page on each.
"""

from unmix.evaluation.score import Better, Score

_SYNTH = "SynthSAEBench (Chanin et al. 2026, arXiv 2602.14687)"
_ON = "on drawn tokens that nobody learns from"


def _truth(name: str, better: Better, definition: str, source: str, unit: str = "") -> Score:
    return Score(
        name=name,
        value=None,
        low=None,
        high=None,
        n=0,
        unit=unit,
        better=better,
        definition=definition,
        source=source,
        seconds=0.0,
    )


TRUTHS: dict[str, Score] = {
    score.name: score
    for score in (
        _truth(
            "MCC",
            "higher",
            "mean |cosine| of latents and features under the best one-to-one assignment",
            f"{_SYNTH}; Song et al. 2025 (arXiv 2505.20254)",
        ),
        _truth(
            "MMCS",
            "higher",
            "mean over features of the largest cosine with any latent; see the random control for "
            "what chance gives",
            "Sharkey et al. 2022",
        ),
        _truth(
            "recovered > 0.9",
            "higher",
            "share of features with a latent of cosine above 0.9",
            "Sharkey et al. 2022",
        ),
        _truth(
            "recovered > 0.8",
            "higher",
            "share of features with a latent of cosine above 0.8",
            "Korznikov et al. 2026 (arXiv 2602.14111)",
        ),
        _truth(
            "uniqueness",
            "higher",
            "features that are the most alike to some latent, over latents",
            _SYNTH,
        ),
        _truth(
            "F1",
            "higher",
            "mean over all latents, dead ones included, of the F1 at which firing tells that the "
            f"feature most alike by direction is on, {_ON}",
            _SYNTH,
        ),
        _truth("precision", "higher", f"the same with precision, {_ON}", _SYNTH),
        _truth("recall", "higher", f"the same with recall, {_ON}", _SYNTH),
        _truth(
            "accuracy",
            "higher",
            f"the same with the share of tokens told rightly, {_ON}; for rare features nearly 1 "
            "whatever the latent does",
            _SYNTH,
        ),
        _truth(
            "F1 by feature",
            "higher",
            f"mean over features that were on of the F1 of the latent that tells it best, {_ON}",
            "shows absorbed and missing features, which a mean over latents hides",
        ),
        _truth(
            "absorption",
            "lower",
            "mean over children of the share of tokens on which the child is on and the latent of "
            f"its parent is silent, {_ON}; only parents with a latent of |cosine| above 0.5",
            "Chanin et al. 2024 (arXiv 2409.14507)",
        ),
        _truth(
            "missed alone",
            "lower",
            "the same over tokens on which the parent is on without that child: what missing the "
            "parent has to do with the child is the difference",
            "beside absorption",
        ),
        _truth(
            "child's lean",
            "neither",
            "mean over children of the cosine of a child's latent with the parent's direction, "
            "less the features' own cosine; absorption makes it positive",
            "Chanin et al. 2024 (arXiv 2409.14507)",
        ),
        _truth(
            "parent's lean",
            "neither",
            "mean over children of the cosine of the parent's latent with the child's direction, "
            "less the features' own cosine; hedging makes it positive",
            "Chanin et al. 2025 (arXiv 2505.11756)",
        ),
        _truth(
            "slope",
            "neither",
            "sum of act times size over sum of size squared, where a latent and its partner of "
            f"cosine above 0.9 are both on, {_ON}; below 1 also where several latents share",
            "least squares through the origin",
        ),
        _truth(
            "offset",
            "neither",
            f"mean of act less size there, {_ON}; an L1 penalty moves every act by about as much",
            "soft thresholding (Tibshirani 1996, the lasso)",
            "size",
        ),
        _truth(
            "relative bias",
            "neither",
            "gamma = E|x' - mean|^2 / E<x' - mean, x - mean>, mean that of the same tokens; 1 is "
            "unbiased, below 1 acts shrink",
            "Rajamanoharan et al. 2024a (Gated SAEs)",
        ),
        _truth(
            "refine ratio",
            "neither",
            "sum of the acts that rebuild best with the same latents on and none below zero, over "
            f"the sum of the acts there are; above 1 acts shrink; first 2,048 tokens, {_ON}",
            "Gao et al. 2024, section 5.1",
        ),
        _truth(
            "L2 ratio",
            "neither",
            "mean of |x'| / |x|, not centred (SAELens calls it shrinkage); below 1 wherever "
            "something is lost",
            _SYNTH,
        ),
        _truth(
            "c_dec",
            "lower",
            "mean |cosine| of two latents; lowest near the right L0",
            "Chanin and Garriga-Alonso 2025 (arXiv 2508.16560)",
        ),
        _truth(
            "FVU",
            "lower",
            "fraction of variance unexplained, around the mean of the same tokens",
            "Gao et al. 2024",
        ),
        _truth("explained variance", "higher", "1 - FVU", "the coefficient of determination"),
        _truth(
            "L0", "neither", f"latents that fire, {_ON}", "Bricken et al. 2023", "latents a token"
        ),
        _truth("true L0", "neither", f"features that are on, {_ON}", _SYNTH, "features a token"),
        _truth(
            "dead latents",
            "lower",
            f"latents that fired on none of these tokens, {_ON}",
            "Bricken et al. 2023",
            "share of latents",
        ),
    )
}
"""Every score against the truth, without its value, in the order of the table."""

CEILING = _truth(
    "F1 of probes",
    "higher",
    "mean over features of the F1 of a logistic regression on x, fitted with the answers, on other "
    "tokens; features on fewer than 100 times while fitting are left out",
    _SYNTH,
)
"""The ceiling, which belongs to a world and not to a dictionary."""
HEDGING = _truth(
    "hedging rate",
    "lower",
    "mean length of what old directions moved along new latents, over a direction's, less what a "
    "random subspace of that rank would get, over one less that",
    "Chanin et al. 2025 (arXiv 2505.11756)",
)
"""Of a dictionary and its twin that went on with more latents."""
