"""The words of the report: how to read it, what each number means, where it comes from."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from unmix.evaluation.result import Evaluation
from unmix.evaluation.score import Score
from unmix.evaluation.words import sentence, share, value

WAYS = {"higher": "↑", "lower": "↓", "neither": ""}
SAID = {"higher": "higher is better", "lower": "lower is better", "neither": "no way is better"}


def marked(text: str) -> str:
    """Return a sentence as HTML, what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def reading(evaluation: Evaluation) -> str:
    """Return how to read the page, in plain words."""
    first = evaluation.dictionaries[0]
    active, left = first.scores.get("L0"), first.scores.get("FVU")
    kept = first.scores.get("CE score, mean")
    said = [
        "A dictionary is a long list of directions, its latents. Every activation of the model is "
        f"rebuilt by adding up a few of them: {value(active)} a token here.",
        f"<b>Left unexplained</b> (FVU) is the share of the activations' variance that the rebuilt "
        f"ones miss: {share(left and left.value)} here. Zero would be perfect; 100 % is what "
        "guessing the average gives.",
    ]
    if kept is not None:
        said.append(
            "<b>Loss kept</b> (CE score) asks the model itself: with the rebuilt activations in "
            "place, how much of its skill at the next token remains? "
            f"{share(kept.value)} here, where 100 % is the model unchanged and 0 % the model with "
            "the average in place of every activation."
        )
    said += [
        "Each <b>control</b> asks for less. <b>PCA</b> keeps as many numbers a token, the same "
        "ones for every token. <b>Frozen</b> was trained beside the dictionary, but its directions "
        "stayed random. A dictionary that does not clearly beat them has found little.",
        "An <b>interval</b> says how far the number would move with other documents. It does not "
        "cover other seeds, other text or another model.",
        "The <b>latents</b> were drawn at random. Orange is where a latent fires, stronger where "
        "it fires more. A good latent is one whose contexts you can describe in a phrase; the "
        "strongest contexts flatter it, since weak ones are often less plain.",
    ]
    prose = "".join(f"<p>{paragraph}</p>" for paragraph in said)
    return (
        '<section class="wide" id="reading"><h2>How to read this</h2>'
        f'<div class="prose">{prose}</div></section>'
    )


def definitions(evaluation: Evaluation) -> str:
    """Return what each number and control means, with its source."""
    known = {name: score for one in evaluation.measured for name, score in one.scores.items()}
    facts = [(f"{score.name} {WAYS[score.better]}", definition(score)) for score in known.values()]
    facts += [(one.name, f"{sentence(one.about)}.") for one in evaluation.controls]
    return _facts("definitions", "What each number and control means", facts)


def definition(score: Score) -> str:
    """Return what a score means and where that comes from."""
    unit = f" In {score.unit}." if score.unit and score.unit != "share of latents" else ""
    return f"{sentence(score.definition)}.{unit} {sentence(score.source)}."


def provenance(evaluation: Evaluation) -> str:
    """Return what was measured, with which settings and versions, and when."""
    counted = evaluation.counted
    facts = [
        ("held-out tokens", f"{counted.tokens:,} in {counted.documents:,} documents"),
        (
            "left out",
            f"{counted.special:,} special tokens and {counted.massive:,} of massive norm; "
            f"{counted.eligible:,} measured",
        ),
        ("time", f"{evaluation.seconds:.0f} s"),
    ]
    facts += [(name, _spelt(known)) for name, known in evaluation.provenance.items()]
    return _facts("origin", "Where it comes from", facts)


def _spelt(known: object) -> str:
    """Write a setting on one line; nested ones as `name value, ...`."""
    if isinstance(known, Mapping):
        told = {name: _spelt(inner) for name, inner in known.items()}
        return ", ".join(f"{name} {inner}" for name, inner in told.items() if inner)
    if isinstance(known, list | tuple):
        return " ".join(_spelt(inner) for inner in known)
    return "" if known is None else str(known)


def _facts(anchor: str, title: str, facts: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    return (
        f'<section class="wide" id="{anchor}"><h2>{escape(title)}</h2>'
        f'<dl class="facts">{rows}</dl></section>'
    )
