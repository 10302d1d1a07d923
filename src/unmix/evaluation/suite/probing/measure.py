"""k-sparse probing: how well a few latents tell two kinds of text apart.

Latents are chosen by the difference of their means between the classes and read by a logistic
regression; both on training examples, the numbers on the rest.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from unmix.disk import write_text
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.probing.data import SAE_PROBES, DataSet, load
from unmix.evaluation.suite.probing.features import (
    COMPONENTS,
    COORDINATES,
    EVERYTHING,
    Probed,
    Split,
    coded,
    drawn,
)
from unmix.evaluation.suite.probing.scores import Results, beside, by_k, table
from unmix.evaluation.suite.probing.trial import splits, trial
from unmix.evaluation.suite.subject import Subject

ASKS = "Do a few latents tell two kinds of text apart, and better than as many of anything else?"
FILE = "suite/probing/data_sets.jsonl"
KS = (1, 2, 5, 16)
NOTES = [
    "intervals by resampling data sets; the last token of a text is probed, as in sae-probes",
    "a text is used up to its last {tokens} tokens, {examples} texts a data set",
    "the probe on everything reads all of the activation: what a dictionary is behind it is what"
    " few latents give up",
]
QUICK = (
    "5_hist_fig_ismale",
    "21_headline_istrump",
    "26_headline_isfrontpage",
    "36_sciq_tf",
    "51_just_is",
    "54_cs_tf",
    "66_living-room",
    "67_social-security",
    "74_magnetic-field",
    "85_mental-health",
    "87_glue_cola",
    "92_glue_sst2",
    "96_spam_is",
    "105_click_bait",
    "106_hate_hate",
    "114_nyc_borough_Manhattan",
    "120_us_timezone_Chicago",
    "125_world_country_Italy",
    "126_art_type_book",
    "130_temp_cat_Frequency",
    "149_twt_emotion_happiness",
    "155_athlete_sport_basketball",
)
"""Data sets of short texts, one of nearly every kind there is."""


def settings(size: Size) -> Mapping[str, object]:
    """Return data sets, how many examples, how long, and how often they are divided."""
    return {
        "data": SAE_PROBES.name,
        "data_sets": list(QUICK) if size == "quick" else [],
        "version": SAE_PROBES.version,
        "examples": {"quick": 240, "full": 300}[size],
        "train": 2 / 3,
        "tokens": 128,
        "splits": 3,
        "ks": list(KS),
        "seed": 0,
    }


def applies(subject: Subject) -> str:
    """Return nothing: every run has a model and a site."""
    return ""


def measure(subject: Subject, settings: Mapping[str, Any]) -> Finding:
    """Probe the latents of every dictionary of a run, and what stands beside them."""
    start = time.perf_counter()
    data = load(settings)
    acts = read(subject, data, most=int(settings["tokens"]))
    made = coded(subject)
    what = [*made, drawn(made[0]), COORDINATES, COMPONENTS, EVERYTHING]
    results = probe(data, acts, what, settings=settings, report=subject.report)
    write_text(subject.run / FILE, "".join(_lines(results, settings)))
    measured = table(results, ks=settings["ks"], seed=int(settings["seed"]))
    return Finding(
        name="probing",
        title="Sparse probing",
        asks=ASKS,
        measured=measured,
        figures=[by_k(measured, settings["ks"]), beside(results, k=settings["ks"][0])],
        notes=[note.format(**settings) for note in NOTES],
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[FILE],
    )


def read(subject: Subject, data: Sequence[DataSet], *, most: int) -> list[Float[Tensor, "_ d"]]:
    """Return the activation at the last token of every text of every data set."""
    texts = [text for one in data for text in one.texts]
    return list(subject.reader.ends(texts, most=most).split([len(one.texts) for one in data]))


def probe(
    data: Sequence[DataSet],
    acts: Sequence[Float[Tensor, "_ d"]],
    what: Sequence[Probed],
    *,
    settings: Mapping[str, Any],
    report: Callable[[str], None] = lambda _: None,
) -> Results:
    """Try everything that is probed on every data set."""
    parts = [divided(one, settings) for one in data]
    trials, seconds = [], []
    for one in what:
        report(f"probing {one.name} on {len(data)} data sets")
        began = time.perf_counter()
        trials.append(
            [
                trial(x, of.labels, one, ks=settings["ks"], parts=part, seed=settings["seed"])
                for of, x, part in zip(data, acts, parts, strict=True)
            ]
        )
        seconds.append(time.perf_counter() - began)
    return Results([one.name for one in data], list(what), trials, seconds)


def divided(data: DataSet, settings: Mapping[str, Any]) -> list[Split]:
    """Return the splits of a data set."""
    return splits(
        data.labels, train=settings["train"], count=settings["splits"], seed=settings["seed"]
    )


def _lines(results: Results, settings: Mapping[str, Any]) -> list[str]:
    """Give what each thing probed did on each data set as a line of JSON."""
    made = []
    for place, name in enumerate(results.names):
        found = {}
        for one, trials in zip(results.what, results.trials, strict=True):
            own = trials[place]
            accuracy = {str(k): round(float(own.values[k][:, 0].mean()), 4) for k in settings["ks"]}
            found[one.name] = {"accuracy": accuracy, "first": own.first}
        made.append(json.dumps({"data_set": name, **found}) + "\n")
    return made
