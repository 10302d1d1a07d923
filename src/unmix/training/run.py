"""A config in, a run folder out: read activations, train, and survive whatever happens.

RUN/config.json      what was asked for
RUN/metrics.jsonl    a line a dictionary every few steps
RUN/checkpoints/     the newest two; `resume` goes on from them
RUN/dictionary/      the result, or one folder a dictionary where there are several
RUN/controls/frozen/ the twin whose directions never moved
RUN/log.txt          what was reported
"""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, final

import torch

from unmix import __version__
from unmix.activations.source import Source
from unmix.activations.stream import Stream
from unmix.config import validate
from unmix.dictionaries.files import Card, card_of, save
from unmix.dictionaries.scaling import Scaling
from unmix.disk import read_json, replacing, write_json
from unmix.errors import UserError
from unmix.models.allocator import keep_freed_memory
from unmix.training import checkpoint, memory
from unmix.training.config import TrainConfig
from unmix.training.learner import Learner, Length
from unmix.training.loop import Step, fit, not_finite
from unmix.training.panel import Panel, Silent
from unmix.training.reading import Progress, open_source
from unmix.training.signals import Stopped, stop_requests
from unmix.training.track import Metrics, open_tracker

Report = Callable[[str], None]
FROZEN = "frozen"


def train(
    config: TrainConfig,
    *,
    report: Report = lambda _: None,
    panel: Panel | None = None,
    progress: Progress | None = None,
) -> Path:
    """Run a config from its beginning; return the run folder.

    Raises:
        UserError: The folder holds a run already, or the config cannot be carried out; a folder
            made for it is gone again.
        Stopped: A signal asked for the end; a checkpoint is written.
    """
    run = config.out
    if (run / "config.json").exists():
        raise UserError(
            f"`{run}` holds a run already; go on with `unmix train --resume {run}` "
            "or choose another `--out`"
        )
    fresh = not run.exists()
    write_json(run / "config.json", config.model_dump(mode="json") | {"version": __version__})
    try:
        source = open_source(config, report=report, progress=progress)
        steps = _steps(config, source)
    except UserError:
        if fresh and {p.name for p in run.iterdir()} == {"config.json"}:
            shutil.rmtree(run)
        else:
            (run / "config.json").unlink()
        raise
    return Run(config, source, steps, report).go(panel or Silent())


def resume(
    run: Path,
    *,
    report: Report = lambda _: None,
    panel: Panel | None = None,
    progress: Progress | None = None,
) -> Path:
    """Go on with a run that was stopped, from its newest whole checkpoint; return its folder."""
    config = read_config(run)
    if (run / "dictionary").exists():
        report(f"`{run}` is finished; nothing to do")
        return run
    source = open_source(config, report=report, progress=progress)
    return Run(config, source, _steps(config, source), report).go(panel or Silent())


def read_config(run: Path) -> TrainConfig:
    """Read what a run was asked to do; its folder may have been moved since."""
    if not (run / "config.json").exists():
        raise UserError(f"`{run}` is not a run: it has no `config.json`")
    data = read_json(run / "config.json")
    data.pop("version", None)
    config = validate(TrainConfig, data, where=f"`{run / 'config.json'}`")
    return config.model_copy(update={"out": run})


@final
class Run:
    """One run: its learners, its place in the stream, its files."""

    def __init__(self, config: TrainConfig, source: Source, steps: int, report: Report) -> None:
        keep_freed_memory()
        self.config, self.source, self.steps, self.folder = config, source, steps, config.out
        self.site = config.site or next(iter(source.sites))
        self.report = _both(report, self.folder / "log.txt")
        sites = [self.site] if config.target is None else [self.site, config.target]
        self.stream = Stream(
            source, sites=sites, batch=config.batch, seed=config.seed, buffer=config.buffer
        )
        memory.check(config, source.sites[self.site], self.stream.buffer_bytes, self.report)
        self.learners = self._learners()

    def go(self, panel: Panel) -> Path:
        """Train to the end, from the newest checkpoint if there is one."""
        after = self._restore()
        config, folder = self.config, self.folder
        tracker = open_tracker(config.track, folder, config.model_dump(mode="json"))
        metrics = Metrics(folder / "metrics.jsonl", after=after, tracker=tracker)
        every = config.save_every or max(1, self.steps // 10)
        self.report(f"training {len(self.learners)} dictionaries for {self.steps:,} steps")
        with closing(metrics), stop_requests() as stop:
            begun, first = time.monotonic(), after
            for step in self._steps_after(after):
                seconds = time.monotonic() - begun
                rate = (step.number - first) * config.batch / max(seconds, 1e-9)
                last = step.number == self.steps
                save = (step.number % every == 0 or bool(stop)) and not last
                if step.number % config.log_every == 0 or step.number == 1 or last or save:
                    lines = self._lines(step, seconds, rate)
                    for line in lines:
                        metrics.write(line)
                    panel.show(step=step.number, steps=self.steps, rate=rate, lines=lines)
                if save:
                    self._save(step.number)
                if save and stop:
                    raise Stopped(f"stopped at step {step.number:,}", folder)
        self._finish()
        return folder

    def _steps_after(self, after: int) -> Any:
        """Return the loop's generator."""
        return fit(
            self.learners,
            iter(self.stream),
            site=self.site,
            target=self.config.target,
            steps=self.steps,
            after=after,
            device=self.config.device,
        )

    def _learners(self) -> dict[str, Learner]:
        """Make every dictionary of the run, and the frozen twin of the first."""
        config = self.config
        given = self._scaling(self.site)
        target = None if config.target is None else self._scaling(config.target)
        length = Length(self.steps, config.batch, config.warm_up, config.decay)
        made = {}
        for name, wanted in config.variants().items():
            made[name] = Learner(wanted, given, target=target, length=length, device=config.device)
        if config.frozen_control:
            twin = next(iter(config.variants().values()))
            made[FROZEN] = Learner(
                twin, given, target=target, length=length, frozen=True, device=config.device
            )
        return made

    def _scaling(self, site: str) -> Scaling:
        """Return the centring and scaling measured on the stream."""
        moments = self.source.moments(site)
        mean = moments.mean.to(torch.float32).to(self.config.device)
        return Scaling(mean, max(moments.variance, 1e-12) ** 0.5)

    def _restore(self) -> int:
        """Put learners and stream where the newest checkpoint left them; return its step."""
        found = checkpoint.newest(self.folder / "checkpoints", self.report)
        if found is None:
            return 0
        checkpoint.restore(found, self.learners)
        self.stream.restore(found.stream)
        self.report(f"going on from step {found.step:,}")
        return found.step

    def _save(self, step: int) -> None:
        """Write a checkpoint."""
        checkpoint.write(
            self.folder / "checkpoints",
            step,
            learners=self.learners,
            stream=self.stream.state(),
            card=self._card,
        )

    def _lines(self, step: Step, seconds: float, rate: float) -> list[dict[str, Any]]:
        """Return the lines of `metrics.jsonl`; refuse to go on from a loss that is no number."""
        lost = not_finite(step)
        if lost:
            lr = step.numbers[lost[0]].lr
            raise UserError(
                f"the loss of `{lost[0]}` is not finite at step {step.number:,}; "
                f"lower `lr` (now {lr:.1e}) or set `clip`, and start anew"
            )
        shared = {"seconds": round(seconds, 3), "tokens_per_second": round(rate, 1)}
        return [
            {"step": step.number, "tokens": step.tokens, "name": name}
            | {"loss": float(n.loss), "fvu": float(n.fvu), "l0": float(n.l0)}
            | {"dead": n.dead / self.learners[name].config.latents, "lr": n.lr, "weight": n.weight}
            | shared
            for name, n in step.numbers.items()
        ]

    def _card(self, name: str, learner: Learner) -> Card:
        """Describe a dictionary and where it came from."""
        return card_of(
            learner.dictionary,
            site=self.site,
            target=self.config.target or "",
            model=self.source.config.model,
            source=self.source.fingerprint,
            seed=learner.config.seed,
            trained={
                "name": name,
                "steps": self.steps,
                "batch": self.config.batch,
                "highest_lr": learner.highest_lr,
                "frozen": learner.frozen,
                "settings": learner.config.model_dump(mode="json"),
            },
            version=__version__,
        )

    def _finish(self) -> None:
        """Write the dictionaries; the run counts as finished once `dictionary/` is there."""
        names = [name for name in self.learners if name != FROZEN]
        twin = self.learners.get(FROZEN)
        if twin is not None:
            save(twin.finished(), self.folder / "controls" / FROZEN, self._card(FROZEN, twin))
        with replacing(self.folder / "dictionary") as beside:
            for name in names:
                learner = self.learners[name]
                place = beside / name if len(names) > 1 else beside
                save(learner.finished(), place, self._card(name, learner))
        self.report(f"wrote `{self.folder / 'dictionary'}`")


def _steps(config: TrainConfig, source: Source) -> int:
    """Return the number of steps, or refuse a run without one."""
    for site in (config.site, config.target):
        if site is not None and site not in source.sites:
            raise UserError(
                f"`{site}` is not among the sites that were read: {', '.join(source.sites)}"
            )
    site = config.site or next(iter(source.sites))
    # A model on the fly has only seen its first shard.
    tokens = source.config.tokens if source.in_sequence else source.moments(site).tokens
    steps = int(config.passes * tokens / config.batch)
    if steps < 1:
        raise UserError(
            f"{tokens:,} training tokens are fewer than one batch of {config.batch:,}; "
            "lower `batch` or read more text"
        )
    return steps


def _both(report: Report, path: Path) -> Report:
    """Report to the user and to a file."""

    def tell(text: str) -> None:
        report(text)
        with path.open("a", encoding="utf-8") as file:
            file.write(time.strftime("%Y-%m-%d %H:%M:%S ") + text + "\n")

    return tell
