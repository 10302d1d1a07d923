"""Stop anywhere, go on, and end with the same bits.

    checkpoints/step-000300/
        state.json                    step, place in the stream, small numbers, SHA-256 of the rest
        <name>/dictionary.safetensors the dictionary as it is now, ready for use, with its card
        <name>/training.safetensors   weights as trained, Adam's moments, what health counts

A folder appears whole or not at all.  Its hashes are checked when it is read; one that fails is
passed over for the one before it, and the user is told.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unmix.dictionaries.files import Card, save
from unmix.disk import file_sha256, read_json, read_tensors, replacing, write_json, write_tensors
from unmix.errors import UserError
from unmix.training.learner import Learner

KEPT = 2
"""Checkpoints kept; older ones are removed."""


class Checkpoint(NamedTuple):
    """A verified checkpoint."""

    folder: Path
    step: int
    stream: dict[str, int]
    """Position in the stream."""
    learners: dict[str, Any]
    """Small numbers of each learner."""


def write(
    folder: Path,
    step: int,
    *,
    learners: Mapping[str, Learner],
    stream: dict[str, int],
    card: Callable[[str, Learner], Card],
) -> None:
    """Write a checkpoint of all learners, then remove the oldest beyond `KEPT`."""
    place = folder / f"step-{step:08d}"
    with replacing(place) as beside:
        for name, learner in learners.items():
            save(learner.finished(), beside / name, card(name, learner))
            write_tensors(beside / name / "training.safetensors", tensors_of(learner))
        files = sorted(p for p in beside.rglob("*") if p.is_file())
        state = {
            "step": step,
            "stream": stream,
            "learners": {name: numbers_of(learner) for name, learner in learners.items()},
            "sha256": {str(p.relative_to(beside)): file_sha256(p) for p in files},
        }
        write_json(beside / "state.json", state)
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        for path in sorted(old.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        old.rmdir()


def newest(folder: Path, report: Callable[[str], None]) -> Checkpoint | None:
    """Return the newest checkpoint that is whole, telling which were passed over."""
    for place in sorted(folder.glob("step-*"), reverse=True):
        try:
            return _verified(place)
        except UserError as error:
            report(f"passed over a damaged checkpoint: {error}")
    return None


def restore(checkpoint: Checkpoint, learners: Mapping[str, Learner]) -> None:
    """Put every learner where it was."""
    for name, learner in learners.items():
        if name not in checkpoint.learners:
            raise UserError(f"`{checkpoint.folder}` has no dictionary `{name}`; start a new run")
        tensors = read_tensors(checkpoint.folder / name / "training.safetensors")
        _put(learner, tensors, checkpoint.learners[name])


def tensors_of(learner: Learner) -> dict[str, Tensor]:
    """Return all tensors that make up the state of a learner."""
    out = {f"weights.{k}": v for k, v in _weights(learner.dictionary).items()}
    if learner.average is not None:
        out |= {f"average.{k}": v for k, v in _weights(learner.average).items()}
    out |= {f"adam.{name}": moment for name, moment in learner.optimiser.moments().items()}
    health = learner.health
    return out | {"health.since": health.since, "health.fired": health.fired}


def numbers_of(learner: Learner) -> dict[str, Any]:
    """Return the small numbers of a learner."""
    return {
        "seen": learner.health.seen,
        "penalty": learner.penalty.state(),
        "optimiser_steps": learner.optimiser.steps,
    }


def _put(learner: Learner, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Set a learner's state from what a checkpoint holds."""
    groups: dict[str, dict[str, Tensor]] = {"weights": {}, "average": {}, "adam": {}, "health": {}}
    for key, value in tensors.items():
        group, name = key.split(".", 1)
        groups[group][name] = value
    _fill(learner.dictionary, groups["weights"])
    if learner.average is not None:
        _fill(learner.average, groups["average"])
    for name, moment in learner.optimiser.moments().items():
        moment.copy_(groups["adam"][name])
    learner.optimiser.steps = numbers["optimiser_steps"]
    learner.health.since.copy_(groups["health"]["since"])
    learner.health.fired.copy_(groups["health"]["fired"])
    learner.health.seen = numbers["seen"]
    learner.penalty.restore(numbers["penalty"])


def _weights(module: torch.nn.Module) -> dict[str, Tensor]:
    """Return each tensor of a module once, by its first name."""
    seen: dict[int, str] = {}
    state = module.state_dict()
    return {
        k: v for k, v in state.items() if seen.setdefault(v.data_ptr(), k) == k or not v.numel()
    }


@torch.no_grad()
def _fill(module: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into a module of the same shape."""
    state = module.state_dict()
    for name, value in tensors.items():
        state[name].copy_(value)


def _verified(place: Path) -> Checkpoint:
    """Read a checkpoint's state after checking the hash of every file."""
    state: Any = read_json(place / "state.json")
    for name, expected in state["sha256"].items():
        path = place / name
        if not path.is_file() or file_sha256(path) != expected:
            raise UserError(f"`{path}` is missing or damaged")
    return Checkpoint(place, state["step"], state["stream"], state["learners"])
