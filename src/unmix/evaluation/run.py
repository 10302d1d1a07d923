"""A run folder in, its numbers and its report out.

RUN/evaluation.json   every score of every dictionary and control (`result.py`)
RUN/report.html       the same for a reader, with pictures and ten latents (`report.py`)
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unmix import __version__
from unmix.activations.live import LiveSource
from unmix.activations.source import Source
from unmix.dictionaries.dictionary import Dictionary
from unmix.disk import write_text
from unmix.evaluation.coded import candidate_in
from unmix.evaluation.controls import train_on_random_weights
from unmix.evaluation.examples import Portrait, direct_unembedding, logit_effects, portraits
from unmix.evaluation.measure import Found, Progress, Settings, measure, rebuild_only
from unmix.evaluation.report import page
from unmix.evaluation.result import Evaluation, Measured, write
from unmix.evaluation.suite.page import sections
from unmix.evaluation.suite.run import Left, known
from unmix.evaluation.suite.subject import Subject
from unmix.models.load import LanguageModel
from unmix.training.config import TrainConfig
from unmix.training.reading import open_source
from unmix.training.run import read_config
from unmix.training.track import read_lines

REPORT = "report.html"


def evaluate(
    run: Path | Subject,
    *,
    controls: bool = False,
    settings: Settings | None = None,
    left: Sequence[Left] = (),
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Measure the dictionaries of a finished run beside their controls; write both files.

    What the suite (`suite/run.py`) found of the same run before is put into the report.

    Args:
        run: The run folder; or one that is open.
        controls: Also train the same kind on a model of random weights and measure that, which
            costs a second harvest and a second training (once: it is kept in the run folder).
        settings: How much is measured.
        left: Metrics of the suite that could not be measured; the report says why.
        progress: Is told in words what is being done.

    Raises:
        UserError: The run is not finished, or its activations or its model are not those it was
            trained on.
    """
    start = time.perf_counter()
    settings = settings or Settings()
    progress("opening the activations")
    subject = run if isinstance(run, Subject) else Subject(run, report=progress)
    source, model, every = subject.source, subject.model, subject.coded
    found = measure(source, every, model=model.model, settings=settings, progress=progress)
    if controls:
        progress("training the control on a model of random weights")
        folder = train_on_random_weights(subject.config, source.config, report=progress)
        found.measured.insert(len(every), _random(folder, settings, progress))
    about = _provenance(subject.config, source, settings, found)
    evaluation = _evaluation(subject.run, found, source, about, time.perf_counter() - start)
    write(evaluation, subject.run)
    first = subject.dictionaries[every[0].name]
    shown = _portraits(found, first, model, source, found.target)
    curves, more = _curves(subject.run), sections(known(subject), left)
    text = page(evaluation, curves=curves, portraits=shown, more=more)
    write_text(subject.run / REPORT, text)
    return evaluation


def _evaluation(
    run: Path, found: Found, source: Source, provenance: dict[str, Any], seconds: float
) -> Evaluation:
    return Evaluation(
        run=run.resolve().name,
        model=source.config.model,
        site=found.site,
        target=found.target,
        measured=found.measured,
        original=found.original,
        counted=found.counted,
        positions=found.positions,
        notes=_notes(found, source),
        provenance=provenance,
        seconds=seconds,
    )


def _random(folder: Path, settings: Settings, progress: Progress) -> Measured:
    """Measure the control that was trained on a model of random weights."""
    source = open_source(read_config(folder), report=progress)
    candidate = candidate_in(folder / "dictionary", "random model", "random")
    return rebuild_only(source, candidate, settings=settings, progress=progress)


def _portraits(
    found: Found, dictionary: Dictionary, model: LanguageModel, source: Source, target: str
) -> list[Portrait]:
    """Put the latents drawn into words."""
    if found.gathered is None:
        return []
    numbers = found.gathered.windows.document.unique().tolist()
    names = dict(zip(numbers, source.documents(numbers), strict=True))
    latents = torch.tensor(found.latents)
    return portraits(
        found.gathered,
        model.tokenizer,
        latents=latents,
        n=found.counted.eligible,
        document=names.__getitem__,
        effects=_effects(dictionary.W_dec[latents], model, target),
    )


def _effects(
    directions: Float[Tensor, "q d"], model: LanguageModel, target: str
) -> Float[Tensor, "q v"] | None:
    """Return what directions write to the logits, where the site is the residual stream."""
    head = direct_unembedding(model, target, width=directions.shape[1])
    return None if head is None else logit_effects(directions.cpu(), head)


def _curves(run: Path) -> dict[str, list[dict[str, float]]]:
    """Return the lines of `metrics.jsonl` by dictionary."""
    curves = defaultdict(list)
    for line in read_lines(run / "metrics.jsonl"):
        curves[line["name"]].append(line)
    return dict(curves)


def _notes(found: Found, source: Source) -> list[str]:
    """Say what a reader must know beside the numbers."""
    notes = []
    if found.original is None:
        notes.append("the model has no logits, so nothing was put into it")
    if found.counted.documents < 30:
        notes.append(
            f"only {found.counted.documents} documents: the intervals are rough, "
            "raise `held_out_tokens`"
        )
    if isinstance(source, LiveSource):
        notes.append("the training mean and PCA come from the first shard, read on the fly")
    return notes


def _provenance(
    config: TrainConfig, source: Source, settings: Settings, found: Found
) -> dict[str, Any]:
    """Return all that is needed to know what was measured, and to do it again."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": {"unmix": __version__, "torch": torch.__version__},
        "activations": source.fingerprint,
        "identity": dict(source.identity),
        "evaluation": settings._asdict(),
        "lower blocks": "run once for all variants, checked to be bit-equal"
        if found.is_shortcut
        else "run for each variant",
        "training": config.model_dump(mode="json", exclude={"source"}, exclude_none=True),
        "source": source.config.model_dump(mode="json", exclude_none=True),
    }
