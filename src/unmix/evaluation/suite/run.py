"""Every metric of a suite on one run; what is known already is not measured again.

A metric's numbers are kept under a key of all that they depend on: the dictionaries, the
activations, its settings and its code.  A run that is stopped loses one metric.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import NamedTuple

from unmix.disk import fingerprint
from unmix.errors import UserError
from unmix.evaluation.suite.finding import Finding, Kept, read, write
from unmix.evaluation.suite.metric import Size, SuiteMetric
from unmix.evaluation.suite.subject import Subject

NAMES = (
    "probing",
    "probe_loss",
    "absorption",
    "n2g",
    "detection",
    "explain",
    "stability",
    "splitting",
    "cdec",
    "ablation",
    "scaling",
)
"""Every metric, in the order of the report; each is a module or a folder beside this file."""


class Left(NamedTuple):
    """A metric that was not measured."""

    title: str
    why: str
    """One sentence."""


class Suite(NamedTuple):
    """What a suite found, and what it could not ask."""

    findings: list[Finding]
    left: list[Left]


def run_suite(subject: Subject, size: Size) -> Suite:
    """Measure every metric of a suite that is not known yet, and keep what was found.

    One that cannot be measured on this run is left with a sentence and takes nothing with it.
    """
    suite = Suite([], [])
    metrics = [metric for metric in map(load, NAMES) if size in metric.sizes]
    for number, metric in enumerate(metrics, 1):
        subject.report(f"{metric.title.lower()}, {number} of {len(metrics)}")
        try:
            found = _measured(subject, metric, size)
        except UserError as error:
            found = Left(metric.title, str(error))
        _put(suite, found)
    return suite


def known(subject: Subject) -> list[Finding]:
    """Return what is on disk and still true of a run, whichever suite it came from."""
    found = []
    for metric in map(load, NAMES):
        kept = read(subject.run, metric.name)
        if kept and _is_true(subject, metric, kept):
            found.append(kept.finding)
    return found


def load(name: str) -> SuiteMetric:
    """Return a metric by its name."""
    if name not in NAMES:
        raise UserError(f"there is no metric `{name}`; there are {', '.join(NAMES)}")
    metric: SuiteMetric = import_module(f"unmix.evaluation.suite.{name}").METRIC
    metric.code_hashes()  # of the source as it is now, not after hours of measuring
    return metric


def key_of(subject: Subject, metric: SuiteMetric, settings: Mapping[str, object]) -> str:
    """Return what changes whenever a metric's numbers may."""
    return fingerprint(
        {
            "run": subject.fingerprint,
            "settings": dict(settings),
            "reads": dict(metric.reads(settings)),
            "seed": subject.seed,
            "code": metric.code_hashes(),
        }
    )


def _is_true(subject: Subject, metric: SuiteMetric, kept: Kept) -> bool:
    """Say whether all that a finding depends on is there and as it was."""
    try:
        return kept.key == key_of(subject, metric, kept.finding.settings)
    except UserError:  # what it was compared with is gone
        return False


def _measured(subject: Subject, metric: SuiteMetric, size: Size) -> Finding | Left:
    """Return what is known, or measure it."""
    settings = {**metric.settings(size), **subject.options.get(metric.name, {})}
    key = key_of(subject, metric, settings)
    kept = read(subject.run, metric.name)
    if kept and kept.key == key:
        return kept.finding
    if why := metric.applies(subject):
        return Left(metric.title, why)
    found = replace(metric.measure(subject, settings), settings=settings)
    write(found, subject.run, key=key)
    return found


def _put(suite: Suite, found: Finding | Left) -> None:
    if isinstance(found, Left):
        suite.left.append(found)
    else:
        suite.findings.append(found)
