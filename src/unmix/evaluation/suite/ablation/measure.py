"""Latents, random directions and channels, taken away at one token each.

Axes: q firings drawn, d width.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unmix.dictionaries.dictionary import Dictionary
from unmix.errors import UserError
from unmix.evaluation.candidates import Role
from unmix.evaluation.result import Measured
from unmix.evaluation.score import Score
from unmix.evaluation.suite.ablation.draw import Drawn, Text, draw, read
from unmix.evaluation.suite.ablation.effects import Ablator, Change, Effects
from unmix.evaluation.suite.detection.scoring import over_latents
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.shapes import RANDOM, random_like
from unmix.evaluation.suite.subject import Subject
from unmix.models.load import LanguageModel, load_model

HORIZON = 16
"""Places behind a firing at which effects are looked for, itself included."""
EXACT = "fp32"
SOURCE = "Gao et al. 2024, section 4.5"
SHARE = (
    "(|v|_1 / |v|_2)^2 / (V T), v the change of the logits over V words at T places, the median "
    "over words taken off at each place: about the share of logits on which the effect falls"
)
HERE = (
    "the same at the token itself (T = 1), where no place is counted that the effect never reaches"
)
KL = "mean over the T places of KL(original || changed), so that small effects are seen to be small"
NOTES = [
    "a latent is taken away at one token, with the strength it has there; other tokens keep it",
    "sparse effects are no proof of meaning: an effect on one rare word is sparse, too",
    "changes drawn from one normal distribution have an effective share of 0.64",
]


class Row(NamedTuple):
    """One kind of change, and what it did."""

    name: str
    role: Role
    about: str
    effects: Effects
    seconds: float


def settings(size: Size) -> Mapping[str, object]:
    """Return how many latents are drawn."""
    sizes = {"quick": {"latents": 64, "within": 64}, "full": {"latents": 384, "within": 4096}}
    return {**sizes[size], "horizon": HORIZON, "seed": 0}


def applies(subject: Subject) -> str:
    """Return why no effect can be seen, or nothing."""
    if subject.source.config.context > HORIZON:
        return ""
    return f"contexts are shorter than the {HORIZON} tokens behind which effects are looked for"


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Take latents of every dictionary away, one at one token, and look at the logits behind it."""
    start = time.perf_counter()
    horizon = int(str(settings["horizon"]))
    model = exact(subject).model
    ablator = Ablator(model, subject.site, subject.target, horizon=horizon)
    text, rows = read(subject.source), []
    for candidate in subject.coded:
        is_first = candidate is subject.coded[0]
        dictionary = subject.dictionaries.get(candidate.name) or subject.frozen
        assert dictionary is not None, "every candidate is a dictionary of the run or its twin"
        about = (candidate.name, candidate.role, candidate.about)
        rows += _ablated(subject, ablator, text, dictionary, about, settings, more=is_first)
    order = ("dictionary", "frozen", "baseline")
    rows.sort(key=lambda row: order.index(row.role))
    return Finding(
        name="ablation",
        title="Ablation sparsity",
        asks="Does taking a latent away change a few of the next words' logits, or all a little?",
        measured=[
            Measured(name=r.name, role=r.role, about=r.about, scores=_scores(r)) for r in rows
        ],
        figures=[_shares(rows), _distances(rows)],
        notes=NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[],
    )


def exact(subject: Subject) -> LanguageModel:
    """Return the model in float32: coarser products scatter over all logits what falls on a few."""
    config = subject.source.config
    if config.model_dtype == EXACT:
        return subject.model
    subject.report("loading the model in float32")
    given: dict[str, Any] = {"revision": config.revision, "random_seed": config.random_weights}
    return load_model(config.model, device=config.device, dtype=EXACT, **given)


def _ablated(
    subject: Subject,
    ablator: Ablator,
    text: Text,
    dictionary: Dictionary,
    about: tuple[str, Role, str],
    settings: Mapping[str, object],
    *,
    more: bool,
) -> list[Row]:
    """Take latents of a dictionary away; with `more`, other directions at the same tokens, too."""
    began, name = time.perf_counter(), about[0]
    count, within, seed = (int(str(settings[one])) for one in ("latents", "within", "seed"))
    firings = subject.firings(name, "held_out")
    given = {"horizon": ablator.horizon, "within": within, "seed": seed}
    drawn = draw(firings, text, count=count, **given)
    if not len(drawn.latents):
        raise UserError(f"no latent of `{name}` fires {ablator.horizon} tokens before an end")
    lost = _lost(dictionary, drawn)
    kinds: list[tuple[tuple[str, Role, str], Change]] = [(about, lambda _, some: lost[some])]
    if more:
        kinds += _controls(subject, lost, seed=seed)
    made = ablator.effects(
        torch.from_numpy(text.tokens[drawn.contexts]).long(),
        torch.from_numpy(drawn.places).long(),
        [change for _, change in kinds],
        report=lambda i: subject.report(f"ablating {name}, {i + 1} of {len(lost)}"),
    )
    seconds = (time.perf_counter() - began) / len(kinds)
    return [Row(*told, found, seconds) for (told, _), found in zip(kinds, made, strict=True)]


def _lost(dictionary: Dictionary, drawn: Drawn) -> Float[Tensor, "q d"]:
    """Return what the target carries less when each latent is taken away."""
    acts = torch.from_numpy(drawn.acts)[:, None]
    return -acts * dictionary.W_dec[torch.from_numpy(drawn.latents)]


def _controls(
    subject: Subject, lost: Float[Tensor, "q d"], *, seed: int
) -> list[tuple[tuple[str, Role, str], Change]]:
    """Return random directions and channels of the activation, at the same tokens."""
    drawn = random_like(lost, seed=seed) * lost.norm(dim=1, keepdim=True)
    generator = torch.Generator().manual_seed(seed)
    channels = torch.randint(lost.shape[1], (len(lost),), generator=generator)
    mean = subject.source.moments(subject.target).mean.float()

    def flatten(y: Float[Tensor, "q d"], some: slice) -> Float[Tensor, "q d"]:
        """Put the training mean into one channel of each."""
        one = torch.nn.functional.one_hot(channels[some], lost.shape[1]).to(y)
        return one * (mean.to(y) - y)

    name = subject.coded[0].name
    about = f"random directions of the same length, at the tokens of {name}"
    named = f"one coordinate of the activation set to its training mean, at the tokens of {name}"
    return [
        ((RANDOM, "baseline", about), lambda _, some: drawn[some]),
        (("channels", "baseline", named), flatten),
    ]


def _scores(row: Row) -> dict[str, Score]:
    shared: dict[str, Any] = {"source": SOURCE, "seconds": row.seconds}
    share, here = row.effects.share.numpy(), row.effects.here.numpy()
    kl = row.effects.kl.mean(1).numpy()
    made = [
        over_latents("effective share", share, definition=SHARE, better="lower", **shared),
        over_latents("the same, here", here, definition=HERE, better="lower", **shared),
        over_latents("KL", kl, definition=KL, unit="nats a token", **shared),
    ]
    return {one.name: one for one in made}


def _shares(rows: list[Row]) -> Figure:
    """Draw how the effective shares are spread."""
    curves = []
    for row in rows:
        values = np.sort(row.effects.share.numpy()[row.effects.share.isfinite().numpy()])
        steps = (np.arange(len(values)) + 1) / max(len(values), 1)
        points = [Point(float(x), float(y)) for x, y in zip(values, steps, strict=True)]
        curves.append(Curve(row.name, row.role, points))
    return Figure(
        "How many logits an ablation changes",
        Axis("effective share of the logits, at most"),
        Axis("share of the latents drawn"),
        curves,
        "Further left, effects fall on fewer words; the measure depends on the number of words and "
        "of places, so compare it within one figure.",
    )


def _distances(rows: list[Row]) -> Figure:
    """Draw how large the effect is, by the distance from the token."""
    curves = [
        Curve(
            row.name,
            row.role,
            [Point(float(i), float(y)) for i, y in enumerate(row.effects.kl.mean(0).tolist())],
        )
        for row in rows
    ]
    return Figure(
        "How far an ablation reaches",
        Axis("tokens later"),
        Axis("KL", "nats", is_log=True),
        curves,
        "The height depends on how strongly a latent fires: random directions are as long as what "
        "is taken away, channels and frozen latents are not.",
    )
