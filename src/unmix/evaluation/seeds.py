"""Scores over seeds: train, measure against the truth, and do it again with other chances.

    config = DictionaryConfig(latents=32, k=3)
    found = truth_over_seeds(lambda seed: world("tree", seed=seed), config, steps=2000)
    print(truth_table(found))

A seed decides the world (where its maker is given the seed), the tokens, and where a dictionary
begins.  The interval is Student's t at 95 % over the seeds' values: few seeds make it wide, as
they should.  Beside the dictionary stand

    frozen   its twin with directions that stay where they were drawn: what the encoder does alone
    random   directions as they were drawn, before the first step: what chance gives
    truth    the true directions, held, with an encoder that was fitted: what could be had
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import Literal, TypeAlias

import torch
from rich import box
from rich.table import Table
from rich.text import Text
from scipy.stats import t

from unmix.dictionaries.dictionary import Dictionary
from unmix.evaluation.planted import against_truth
from unmix.evaluation.score import COVERAGE, Score
from unmix.evaluation.table import SIGNS
from unmix.evaluation.words import interval, value
from unmix.training.config import DictionaryConfig
from unmix.training.planted import Pupil, learn, learners_of, of_truth
from unmix.worlds.world import World

Control: TypeAlias = Literal["frozen", "random", "truth"]
CONTROLS: tuple[Control, ...] = ("frozen", "random", "truth")
Scores: TypeAlias = Mapping[str, Score]
LEARNT = "dictionary"
BOUNDLESS = ("FVU", "explained variance")
"""Scores of which one way is better that do not lie between 0 and 1, where intervals end."""


def truth_over_seeds(
    world_of: Callable[[int], World],
    config: DictionaryConfig,
    *,
    steps: int,
    batch: int = 512,
    seeds: Sequence[int] = range(5),
    controls: Sequence[Control] = CONTROLS,
    n: int = 65_536,
    is_scaled: bool = True,
) -> dict[str, dict[str, Score]]:
    """Train and measure over seeds; return the scores of the dictionary and of each control.

    Args:
        world_of: From a seed to a world; it may return the same one every time.
        n: Tokens to measure on, for each seed.
    """
    found: dict[str, list[Scores]] = {name: [] for name in (LEARNT, *controls)}
    for seed in seeds:
        world = world_of(seed)
        mine = config.model_copy(update={"seed": seed})
        given = {"steps": steps, "batch": batch, "is_scaled": is_scaled}
        taught = learn(world, _pupils(world, mine, controls), seed=seed, **given)
        if "random" in controls:
            taught["random"] = untaught(world, mine, **given)
        for name, made in found.items():
            made.append(against_truth(world, taught[name], n=n, seed=seed))
    return {name: over_seeds(made) for name, made in found.items()}


def untaught(
    world: World, config: DictionaryConfig, *, steps: int, batch: int, is_scaled: bool = True
) -> Dictionary:
    """Return a dictionary before its first step, with the threshold its first batch would set."""
    one = {"it": Pupil(config)}
    learner = learners_of(world, one, steps=steps, batch=batch, is_scaled=is_scaled)["it"]
    with torch.no_grad():
        learner.dictionary.train().encode(learner.given.apply(world.sample(batch).x))
    return learner.finished()


def over_seeds(found: Sequence[Scores]) -> dict[str, Score]:
    """Return the mean of each score over seeds, with its interval; one seed gives none."""
    return {name: _mean([scores[name] for scores in found if name in scores]) for name in found[0]}


def truth_table(columns: Mapping[str, Scores], *, names: Sequence[str] | None = None) -> Table:
    """Return a table of scores in rows, dictionary and controls in columns, for `rich` to print."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    grid.add_column("", no_wrap=True)
    first = next(iter(columns.values()))
    for name in columns:
        grid.add_column(name, justify="right", no_wrap=True)
        grid.add_column("95 % interval", style="dim", no_wrap=True)
    for name in names or first:
        cells = []
        for scores in columns.values():
            score = scores.get(name)
            cells += [Text(value(score)), Text("" if score is None else interval(score))]
        grid.add_row(Text(f"{SIGNS[first[name].better]} {name}"), *cells)
    return grid


def _pupils(
    world: World, config: DictionaryConfig, controls: Sequence[Control]
) -> dict[str, Pupil]:
    """Return the dictionary and the controls that learn beside it."""
    pupils = {LEARNT: Pupil(config)}
    if "frozen" in controls:
        pupils["frozen"] = Pupil(config, frozen=True)
    if "truth" in controls:
        pupils["truth"] = Pupil(config, start=of_truth(world, config), frozen=True)
    return pupils


def _mean(scores: Sequence[Score]) -> Score:
    values = [s.value for s in scores if s.value is not None]
    how = f"{scores[0].definition}; mean over {len(values)} seeds, Student's t interval"
    shared = {"n": sum(s.n for s in scores), "seconds": sum(s.seconds for s in scores)}
    if not values:
        return replace(scores[0], value=None, low=None, high=None, **shared)
    mean = fmean(values)
    if len(values) == 1:
        return replace(scores[0], value=mean, **shared)
    far = float(t.ppf((1 + COVERAGE) / 2, len(values) - 1))
    reach = far * stdev(values) / len(values) ** 0.5
    low, high = mean - reach, mean + reach
    if scores[0].better != "neither" and scores[0].name not in BOUNDLESS:
        low, high = max(0.0, low), min(1.0, high)
    return replace(scores[0], value=mean, low=low, high=high, definition=how, **shared)
