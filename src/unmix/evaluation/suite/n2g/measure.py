"""N2G: how well token patterns read off a few contexts foretell a latent's firings."""

import json
import time
from collections.abc import Iterable, Mapping

import numpy as np

from unmix.disk import write_text
from unmix.evaluation.suite.detection.measure import row_of_table
from unmix.evaluation.suite.detection.sample import SHUFFLED, TOKENS, Sample, drawing, samples
from unmix.evaluation.suite.finding import Axis, Curve, Figure, Finding, Point
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.n2g.by_model import Ask, asker
from unmix.evaluation.suite.n2g.patterns import Pattern
from unmix.evaluation.suite.n2g.scores import scores
from unmix.evaluation.suite.n2g.trying import Foretold, Found, find_all, run_model
from unmix.evaluation.suite.subject import Subject
from unmix.text.spelling import Tokenizer, token_bytes, visible

ASKS = "How well do token patterns, read off a few contexts of a latent, foretell its firings?"
FILE = "suite/n2g/patterns.jsonl"
DECILES = 10
ANY = "∗"
NOTES = [
    "acts on shortened contexts are looked up in training text instead of run through the model:"
    " simpler than N2G as published, and blind to contexts that occur in one document only",
    "patterns count wherever they fit, so precision is that at the true firing rate",
]
NO_START = (
    "the model was not run: its texts begin without a beginning-of-text token, and the first token"
    " of a shortened context would be read as no other is"
)


def settings(size: Size) -> Mapping[str, object]:
    """Return how many latents are drawn, how much text is read, and for how many the model runs."""
    latents, by_model = {"quick": (150, 0), "full": (600, 60)}[size]
    return {"latents": latents, **TOKENS[size], "by_model": by_model, "seed": 0}


def applies(subject: Subject) -> str:
    """Return nothing: every run has latents and tokens."""
    return ""


def measure(subject: Subject, settings: Mapping[str, object]) -> Finding:
    """Make patterns of latents of every dictionary of a run, and try them on held-out text."""
    start = time.perf_counter()
    given, count = drawing(settings), int(str(settings["by_model"]))
    found = []
    for sample in samples(subject, given):
        subject.report(f"making token patterns for latents of {sample.name}")
        began = time.perf_counter()
        made = find_all(sample, seed=given.seed)
        if count and (ask := _asker(subject, sample)):
            subject.report(f"running the model on shortened contexts for {sample.name}")
            made = run_model(made, sample, ask=ask, count=count, seed=given.seed)
        found.append((sample, made, scores(made, began=began, seed=given.seed)))
    lines = [line for sample, made, _ in found for line in _lines(sample, made, subject.tokenizer)]
    write_text(subject.run / FILE, "".join(lines))
    return Finding(
        name="n2g",
        title="Token patterns (N2G)",
        asks=ASKS,
        measured=[row_of_table(sample, made) for sample, _, made in found],
        figures=[_by_act((sample, made) for sample, made, _ in found)],
        notes=[*NOTES, NO_START] if count and not subject.reader.start else NOTES,
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[FILE],
    )


def _asker(subject: Subject, sample: Sample) -> Ask | None:
    """Return what asks the model a sample comes from; nothing for firings that were moved."""
    if sample.name == SHUFFLED:
        return None
    host = subject.random if sample.role == "random" else subject
    assert host is not None, "a sample of the random model comes from its run"
    if not host.reader.start:  # the first token of a text is read as no other is
        return None
    twin = host.frozen if sample.role == "frozen" else None
    first = next(iter(host.dictionaries.values()))
    return asker(host.reader, twin or host.dictionaries.get(sample.name, first))


def _by_act(found: Iterable[tuple[Sample, list[Found]]]) -> Figure:
    """Draw recall by the size of the act."""
    curves = []
    for sample, made in found:
        known = [one for one in made if one.is_known]
        strength = np.concatenate([np.zeros(0), *(one.strength for one in known)])
        met = np.concatenate([np.zeros(0, np.bool_), *(one.drawn.met for one in known)])
        place = np.clip((strength * DECILES).astype(np.int64), 0, DECILES - 1)
        points = [
            Point((i + 0.5) / DECILES, float(met[place == i].mean()))
            for i in range(DECILES)
            if (place == i).any()
        ]
        curves.append(Curve(sample.name, sample.role, points))
    return Figure(
        "Recall of token patterns by the size of the act",
        Axis("act / largest act"),
        Axis("share of firings foretold"),
        curves,
        "Patterns of firings drawn at random; where the line falls to the left, weak firings"
        " follow no pattern, and strong contexts flatter the latent.",
    )


def _lines(sample: Sample, found: list[Found], tokenizer: Tokenizer) -> Iterable[str]:
    """Give the patterns of each latent as a line of JSON."""
    for latent, one in zip(sample.latents.tolist(), found, strict=True):
        data = {"dictionary": sample.name, "latent": latent, "firings": len(one.strength)}
        for name in ("strongest", "drawn", "by_model"):
            tried: Foretold | None = getattr(one, name)
            if tried is None:
                continue
            data[name] = {
                "patterns": [spelt(tokenizer, pattern) for pattern in tried.patterns],
                "tokens": tried.patterns,
                "predicted": tried.predicted,
                "hits": int(tried.met.sum()),
            }
        yield json.dumps(data, ensure_ascii=False) + "\n"


def spelt(tokenizer: Tokenizer, pattern: Pattern) -> str:
    """Return a pattern as a person reads it, the firing token last."""
    named = [token for token in pattern if token is not None]
    data = token_bytes(tokenizer, named)
    texts = iter([visible(one.decode(errors="backslashreplace")) for one in data])
    return "".join(reversed([ANY if token is None else next(texts) for token in pattern]))
