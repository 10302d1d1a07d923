"""Ablation sparsity: of how many logits does taking a latent away change the later ones?

draw.py      the firings that are taken away
effects.py   the model run with and without, and how concentrated the difference is
measure.py   the metric: latents, random directions and channels side by side
"""

from unmix.evaluation.suite.ablation.measure import applies, settings
from unmix.evaluation.suite.ablation.measure import measure as measured
from unmix.evaluation.suite.metric import SuiteMetric

_HERE = "unmix.evaluation.suite.ablation"
METRIC = SuiteMetric(
    name="ablation",
    title="Ablation sparsity",
    sizes=("quick", "full"),
    code=(
        f"{_HERE}.draw",
        f"{_HERE}.effects",
        f"{_HERE}.measure",
        "unmix.evaluation.logits",
        "unmix.evaluation.suite.detection.scoring",
        "unmix.evaluation.suite.subject",
    ),
    settings=settings,
    applies=applies,
    measure=measured,
)
