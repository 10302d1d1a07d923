"""Feature absorption by first letters: words whose first letter is carried by other latents.

A probe says what the model knows of a word's first letter.  A letter's own latents are the few that
tell it on training words.  On test words that the probe is right about, those latents ought to
fire; where they do not and another latent carries the letter, it was absorbed.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from unmix.disk import write_text
from unmix.evaluation.candidates import Role
from unmix.evaluation.suite.absorption.judging import judge
from unmix.evaluation.suite.absorption.letters import LETTERS, TEMPLATE
from unmix.evaluation.suite.absorption.probes import few, of_letter
from unmix.evaluation.suite.absorption.reading import Read, Told, probed, read_words
from unmix.evaluation.suite.absorption.scores import (
    ASKS,
    Letter,
    Row,
    by_count,
    by_letter,
    notes,
    of_latents,
    of_probe,
)
from unmix.evaluation.suite.finding import Finding
from unmix.evaluation.suite.metric import Size
from unmix.evaluation.suite.probing.features import Columns, coded, latents
from unmix.evaluation.suite.subject import Subject

FILE = "suite/absorption/words.jsonl"


class Latents(NamedTuple):
    """Acts of the words, and the directions they stand for."""

    train: Columns
    test: Columns
    directions: Float[np.ndarray, "m d"]
    bias: Float[np.ndarray, " d"]


def settings(size: Size) -> Mapping[str, object]:
    """Return how many words of each letter are drawn."""
    words = {"quick": 100, "full": 400}[size]
    return {"words": words, "template": TEMPLATE, "train": 0.6, "seed": 0}


def applies(subject: Subject) -> str:
    """Return nothing where input and target are one site: a probe lives where directions do."""
    if subject.site == subject.target:
        return ""
    return "a probe on the input says nothing of directions at another site: this is a transcoder"


def measure(subject: Subject, settings: Mapping[str, Any]) -> Finding:
    """Look for absorbed first letters in every dictionary of a run."""
    start = time.perf_counter()
    read = read_words(subject, settings)
    subject.report("probing first letters")
    told = probed(read)
    rows: list[Row] = []
    for one in coded(subject):
        subject.report(f"looking for absorbed letters in {one.name}")
        assert one.dictionary is not None, "a coded candidate has a dictionary"
        own = of_words(read, one.dictionary)
        rows.append(row(read, told, own, name=one.name, role=one.role, about=one.about))
    first = next(iter(subject.dictionaries.values()))
    rows += controls(read, told, of_words(read, first), rows[0], seed=int(settings["seed"]))
    write_text(subject.run / FILE, "".join(_lines(read, rows)))
    letters = read.words.letters[read.test]
    measured = [of_latents(row, letters) for row in rows]
    measured.append(of_probe(told.named, letters, told.letters, seconds=0.0))
    return Finding(
        name="absorption",
        title="Absorbed first letters",
        asks=ASKS,
        measured=measured,
        figures=[by_count(rows, letters, told.named), by_letter(rows)],
        notes=[*notes(told.letters), *_examples(read, rows[0])],
        settings=dict(settings),
        seconds=time.perf_counter() - start,
        kept=[FILE],
    )


def of_words(read: Read, dictionary: Any) -> Latents:
    """Return what a dictionary makes of the words."""
    acts = latents(dictionary, read.x)
    directions, bias = (
        tensor.detach().double().cpu().numpy() for tensor in (dictionary.W_dec, dictionary.b_dec)
    )
    return Latents(acts[read.train], acts[read.test], directions, bias)


def row(read: Read, told: Told, own: Latents, *, name: str, role: Role, about: str) -> Row:
    """Judge every letter of one dictionary, its own latents being those that tell it."""
    began = time.perf_counter()
    y = read.words.letters[read.train]
    chosen = {letter: of_letter(own.train, y == letter) for letter in told.letters}
    found = judged(read, told, own, chosen)
    return Row(name, role, about, len(own.directions), found, time.perf_counter() - began)


def judged(
    read: Read,
    told: Told,
    own: Latents,
    chosen: Mapping[int, Int[np.ndarray, " k"]],
    *,
    counts: Mapping[int, int] | None = None,
) -> list[Letter]:
    """Judge the letters, with latents to choose from for each.

    Args:
        counts: How many of them are the letter's, where that is not to be found out.
    """
    y, truth = read.words.letters[read.train], read.words.letters[read.test]
    lengths = np.maximum(np.linalg.norm(own.directions, axis=1), 1e-12)
    centred = read.x[read.test].double().numpy() - own.bias
    truths = np.stack([y == letter for letter in chosen])
    told_by_few = few(own.train, own.test, truths, latents=list(chosen.values()))
    found = []
    for (letter, several), told_by in zip(chosen.items(), told_by_few, strict=True):
        if counts is not None:
            told_by = told_by._replace(n_main=counts[letter])
        direction = told.probe.directions[letter].numpy()
        direction = direction / np.linalg.norm(direction)
        pushes = own.directions @ direction
        rows = np.flatnonzero((truth == letter) & (told.named == letter))
        verdict = judge(
            own.test[rows],
            centred[rows] @ direction,
            pushes=pushes,
            cosines=pushes / lengths,
            main=several[: told_by.n_main],
        )
        found.append(Letter(letter, told_by, rows, verdict))
    return found


def controls(read: Read, told: Told, own: Latents, first: Row, *, seed: int) -> list[Row]:
    """Return the first dictionary with its letters' latents, or its directions, at random."""
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    alive = np.flatnonzero(own.train.sum(0))
    counts = {one.letter: one.few.n_main for one in first.found}
    at_random = {one.letter: rng.permutation(alive)[: len(one.few.latents)] for one in first.found}
    kept = {one.letter: one.few.latents for one in first.found}
    dealt = own._replace(directions=own.directions[rng.permutation(len(own.directions))])
    rows = []
    for name, about, data, chosen in (
        ("random latents", "as many latents a letter, drawn at random", own, at_random),
        ("dealt directions", "its directions dealt anew among its latents", dealt, kept),
    ):
        found = judged(read, told, data, chosen, counts=counts)
        seconds = time.perf_counter() - began
        about = f"{first.name}: {about}"
        rows.append(Row(name, "random", about, first.n_latents, found, seconds))
    return rows


def _lines(read: Read, rows: Sequence[Row]) -> list[str]:
    """Give every word whose letter was absorbed, whole or in part, as a line of JSON."""
    spelt = [read.words.spelt[i] for i in read.test.tolist()]
    made = []
    for row in rows:
        for one in row.found:
            verdict = one.verdict
            for i in np.flatnonzero(verdict.is_absorbed | (verdict.fraction > 0)).tolist():
                line = {
                    "dictionary": row.name,
                    "word": spelt[one.rows[i]],
                    "letter": LETTERS[one.letter],
                    "own latents": one.few.latents[: one.few.n_main].tolist(),
                    "absorbed": bool(verdict.is_absorbed[i]),
                    "fraction": round(float(verdict.fraction[i]), 4),
                    "absorber": int(verdict.absorber[i]),
                    "share": round(float(verdict.share[i]), 4),
                }
                made.append(json.dumps(line) + "\n")
    return made


def _examples(read: Read, row: Row, *, most: int = 4) -> list[str]:
    """Say which letters were absorbed most plainly, each by another latent."""
    found = []
    for one in row.found:
        for i in np.flatnonzero(one.verdict.is_absorbed).tolist():
            word = read.words.spelt[read.test[one.rows[i]]]
            found.append((float(one.verdict.share[i]), word, int(one.verdict.absorber[i]), one))
    found.sort(key=lambda each: -each[0])
    made: dict[int, str] = {}
    for share, word, absorber, one in found:
        own = ", ".join(map(str, one.few.latents[: one.few.n_main].tolist()))
        letter = LETTERS[one.letter].upper()
        text = f"“{word}”: {own} silent, {absorber} carries {share:.2f} of the {letter}"
        made.setdefault(absorber, text)
    if not made:
        return []
    return [f"plainest in {row.name}: " + "; ".join(list(made.values())[:most])]
