"""A run from config to folder: what it writes, how it stops, and that it goes on bit-equal."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training.planted import FEATURES, write_store
from unmix.dictionaries.files import load, read_card
from unmix.disk import read_tensors
from unmix.errors import UserError
from unmix.training import run as run_module
from unmix.training.config import TrainConfig
from unmix.training.run import read_config, resume, train
from unmix.training.signals import Stopped, StopRequest
from unmix.training.track import read_lines

SETTINGS = {"kind": "batch-topk", "latents": FEATURES, "k": 2, "lr": 1e-2}


def config(tmp_path: Path, name: str = "run", **more: object) -> TrainConfig:
    """Return a small run over a planted store."""
    store = tmp_path / "store"
    if not store.exists():
        write_store(store)
    base = {"out": tmp_path / name, "store": str(store), "dictionary": SETTINGS}
    return TrainConfig.model_validate(base | {"batch": 256, "passes": 2, "buffer": 4096} | more)


def tensors(run: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of a run's results."""
    files = [*run.glob("dictionary/**/*.safetensors"), *run.glob("controls/**/*.safetensors")]
    return {
        f"{file.relative_to(run)}/{k}": v for file in files for k, v in read_tensors(file).items()
    }


def assert_same_results(one: Path, other: Path) -> None:
    """Compare dictionaries bit by bit, and all that is logged but the clock."""
    a, b = tensors(one), tensors(other)
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        assert torch.equal(tensor, b[name]), name
    clocks = ("seconds", "tokens_per_second")
    lines = [read_lines(run / "metrics.jsonl") for run in (one, other)]
    kept = [[{k: v for k, v in line.items() if k not in clocks} for line in ls] for ls in lines]
    assert [line for line in kept[0] if line in kept[1]] == kept[0]


def test_a_run_leaves_what_it_promises(tmp_path: Path):
    told: list[str] = []
    run = train(config(tmp_path), report=told.append)
    assert read_config(run).dictionary.k == 2
    assert read_card(run / "dictionary").site == "a"
    assert read_card(run / "controls" / "frozen").trained["frozen"] is True
    lines = read_lines(run / "metrics.jsonl")
    assert {line["name"] for line in lines} == {"batch-topk-24-k2", "frozen"}
    assert lines[-1]["step"] == 64
    assert any("memory" in line for line in told)
    assert "training 2 dictionaries" in (run / "log.txt").read_text()
    x = torch.randn(10, 16)
    assert load(run / "dictionary")(x).shape == x.shape
    assert len(list((run / "checkpoints").iterdir())) <= 2


def test_two_runs_are_bit_equal(tmp_path: Path):
    assert_same_results(train(config(tmp_path, "one")), train(config(tmp_path, "two")))


def test_a_sweep_reads_the_data_once_and_equals_single_runs(tmp_path: Path):
    sweep = {"sweep": {"k": [1, 2], "seed": [0, 1]}, "frozen_control": False}
    run = train(config(tmp_path, "sweep", **sweep))
    names = sorted(p.name for p in (run / "dictionary").iterdir())
    assert names == ["k1-seed0", "k1-seed1", "k2-seed0", "k2-seed1"]
    alone = train(config(tmp_path, "alone", dictionary=SETTINGS | {"seed": 1}))
    one, other = load(run / "dictionary" / "k2-seed1"), load(alone / "dictionary")
    assert torch.equal(one.W_dec, other.W_dec)


def test_a_transcoder_run(tmp_path: Path):
    settings = SETTINGS | {"skip": True}
    run = train(config(tmp_path, target="b", dictionary=settings))
    card = read_card(run / "dictionary")
    assert (card.site, card.target, card.transcoder, card.skip) == ("a", "b", True, True)


@pytest.mark.parametrize("kind", ["topk", "jumprelu", "gated", "relu"])
def test_stopped_and_resumed_is_bit_equal(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = SETTINGS | {"kind": kind, "ema": 0.9}
    whole = train(config(tmp_path, "whole", dictionary=settings))
    asked = iter([False] * 30 + [True] * 1000)
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "__bool__", lambda _: next(asked))
        with pytest.raises(Stopped) as stopped:
            train(config(tmp_path, "parts", dictionary=settings))
    assert "stopped at step" in str(stopped.value)
    parts = resume(stopped.value.run)
    assert_same_results(whole, parts)


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path):
    whole = train(config(tmp_path, "whole", save_every=10))
    parts = train(config(tmp_path, "parts", save_every=10))
    for name in ("dictionary", "controls"):
        for path in sorted((parts / name).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (parts / name).rmdir()
    newest = max((parts / "checkpoints").iterdir())
    file = next(newest.rglob("training.safetensors"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    told: list[str] = []
    resume(parts, report=told.append)
    assert any("passed over a damaged checkpoint" in line for line in told)
    assert any("going on from step 50" in line for line in told)
    assert_same_results(whole, parts)


def test_resuming_a_finished_run_does_nothing(tmp_path: Path):
    run = train(config(tmp_path))
    before = (run / "metrics.jsonl").read_bytes()
    told: list[str] = []
    resume(run, report=told.append)
    assert "finished" in told[0]
    assert (run / "metrics.jsonl").read_bytes() == before


START = "import sys; from unmix.cli.main import main; sys.exit(main(sys.argv[1:]))"


def unmix(*args: str) -> subprocess.Popen[bytes]:
    """Start the command line in a process of its own."""
    command = [sys.executable, "-c", START, *args]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_killed_at_ten_random_moments_it_ends_bit_equal(tmp_path: Path):
    long = {"passes": 12, "save_every": 7, "log_every": 1}
    whole = train(config(tmp_path, "whole", **long))
    parts = config(tmp_path, "parts", **long)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'out = "{parts.out}"\nstore = "{parts.store}"\nbatch = 256\nbuffer = 4096\npasses = 12\n'
        "save_every = 7\nlog_every = 1\n"
        '[dictionary]\nkind = "batch-topk"\nlatents = 24\nk = 2\nlr = 1e-2\n'
    )
    draw, metrics = random.Random(0), parts.out / "metrics.jsonl"
    for attempt in range(10):
        fresh = not (parts.out / "config.json").exists()
        process = (
            unmix("train", str(recipe)) if fresh else unmix("train", "--resume", str(parts.out))
        )
        lines = metrics.stat().st_size if metrics.exists() else 0
        while process.poll() is None and (not metrics.exists() or metrics.stat().st_size == lines):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (parts.out / "dictionary").exists(), f"done before kill {attempt}"
    process = unmix("train", "--resume", str(parts.out))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()
    assert_same_results(whole, parts.out)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(sign: signal.Signals, tmp_path: Path):
    long = config(tmp_path, "run", passes=2000)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'out = "{long.out}"\nstore = "{long.store}"\nbatch = 256\npasses = 2000\nlog_every = 1\n'
        "[dictionary]\nlatents = 24\nk = 2\n"
    )
    process = unmix("train", str(recipe))
    while process.poll() is None and not (long.out / "metrics.jsonl").exists():
        time.sleep(0.02)
    process.send_signal(sign)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"unmix train --resume {long.out}" in errors.decode()
    assert list((long.out / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site": "c"}, "`c` is not among the sites that were read: a, b"),
        ({"target": "c"}, "`c` is not among"),
        ({"batch": 10**6}, "fewer than one batch"),
        ({"store": "nowhere"}, "no store at `nowhere`"),
    ],
    ids=str,
)
def test_bad_runs_are_refused_and_leave_nothing(change: dict, words: str, tmp_path: Path):
    with pytest.raises(UserError, match=words):
        train(config(tmp_path, **change))
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_not_overwritten(tmp_path: Path):
    train(config(tmp_path))
    with pytest.raises(UserError, match="holds a run already"):
        train(config(tmp_path))


def test_a_run_too_large_for_memory_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="of memory"):
        train(config(tmp_path, dictionary=SETTINGS | {"latents": 10**10}))


def test_a_loss_that_is_no_number_is_named(tmp_path: Path):
    settings = SETTINGS | {"lr": 1e30}
    with pytest.raises(UserError, match="lower `lr`"):
        train(config(tmp_path, dictionary=settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"k": 25}, "lower `k`"),
        ({"kind": "topk", "k": 2.5}, "whole number"),
        ({"recipe": "bricken"}, "no effect on `batch-topk`"),
        ({"penalty": "tanh"}, "no effect"),
        ({"prefixes": [9, 4]}, "ascend"),
        ({"prefixes": [30]}, "exceeds"),
        ({"skip": True}, "name one with `target`"),
        ({"latent": 5}, "latent"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(settings: dict, words: str):
    with pytest.raises(ValueError, match=words):
        TrainConfig.model_validate({"store": "s", "dictionary": SETTINGS | settings})


def test_metrics_survive_a_torn_last_line(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"step": 1}) + '\n{"step": 2')
    assert read_lines(path) == [{"step": 1}]
    path.write_text('{"ste\n' + json.dumps({"step": 1}) + "\n")
    with pytest.raises(UserError, match="line 1 is damaged"):
        read_lines(path)


def test_a_missing_tracker_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(UserError, match="pip install trackio"):
        run_module.open_tracker("trackio", tmp_path, {})
