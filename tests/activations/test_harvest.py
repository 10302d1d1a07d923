import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.activations.made import config, contents, same, shards, store
from unmix.activations import harvest as module
from unmix.activations import live
from unmix.activations.harvest import harvest
from unmix.activations.live import LiveSource
from unmix.activations.source import held_out
from unmix.activations.store import open_store
from unmix.errors import UserError
from unmix.models import load
from unmix.models.load import load_model


def test_a_store_gives_the_rows_of_the_model_it_was_made_from(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    for dtype in ("fp16", "bf16", "fp32"):
        source = LiveSource(config(tiny_llama, tiny_text, dtype=dtype))
        made = store(tiny_llama, tiny_text, tmp_path / dtype, dtype=dtype)
        assert all(same(a, b) for a, b in zip(shards(made), shards(source), strict=True))
        assert (made.sites, made.fingerprint) == (source.sites, source.fingerprint)
        for shard in held_out(made):
            numbers = shard.documents.unique().tolist()
            assert made.about(numbers) == source.about(numbers)


def test_the_manifest_counts_what_is_there(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    steps: list[tuple[int, int]] = []
    settings = config(tiny_llama, tiny_text, massive=1.3)
    made = harvest(
        settings, tmp_path, report=told.append, progress=lambda *step: steps.append(step)
    )
    assert steps == [(256, 912), (512, 912), (608, 912), (864, 912), (912, 912)]
    assert "600 training and 300 held-out tokens; 912 to harvest" in told[1]
    manifest = open_store(tmp_path).manifest
    assert manifest.complete
    assert manifest.config == settings
    assert manifest.tokens == {"train": 608, "held_out": 304}
    assert manifest.special == {"train": 38, "held_out": 19}
    for site, facts in manifest.sites.items():
        parts = [made.shard("train", i) for i in range(3)]
        massive = torch.cat([shard.massive[site] for shard in parts])
        special = torch.cat([shard.special.flatten() for shard in parts])
        assert facts.massive["train"] == int(massive.sum()) > 0
        assert facts.eligible["train"] == int((~massive & ~special).sum())
        rows = torch.cat([shard.acts[site] for shard in parts])[~massive & ~special].double()
        moments = made.moments(site)
        torch.testing.assert_close(moments.mean, rows.mean(0))
        assert moments.variance == pytest.approx(float(rows.var(0, correction=0).mean()))
        assert moments.tokens == len(rows)


def test_a_harvest_that_breaks_off_goes_on_to_the_same_store(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    store(tiny_llama, tiny_text, whole)
    write = module.write_shard
    written: list[int] = []

    def twice(*args: object, **rest: object) -> None:
        if len(written) == 2:
            raise RuntimeError("pulled the plug")
        written.append(1)
        write(*args, **rest)

    monkeypatch.setattr(module, "write_shard", twice)
    with pytest.raises(RuntimeError, match="plug"):
        store(tiny_llama, tiny_text, broken)
    with pytest.raises(UserError, match="is not complete; run `unmix harvest` again"):
        open_store(broken)
    monkeypatch.setattr(module, "write_shard", write)
    (broken / ".train-00002.safetensors.1.tmp").write_bytes(b"half")
    kept = (broken / "train-00001.safetensors").stat().st_mtime_ns
    store(tiny_llama, tiny_text, broken)
    assert (broken / "train-00001.safetensors").stat().st_mtime_ns == kept
    assert contents(broken) == contents(whole)


KILLED = """
import sys, time
from pathlib import Path
from unmix.activations import harvest as module
from unmix.activations.config import SourceConfig
write = module.write_shard
def slow(*args, **rest):
    write(*args, **rest)
    print("shard", flush=True)
    time.sleep(0.05)
module.write_shard = slow
config = SourceConfig.model_validate_json(Path(sys.argv[1]).read_text())
module.harvest(config, Path(sys.argv[2]))
"""


def test_a_harvest_killed_at_once_goes_on_to_the_same_store(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    settings = config(tiny_llama, tiny_text)
    harvest(settings, tmp_path / "whole")
    (tmp_path / "config.json").write_text(settings.model_dump_json())
    command = [sys.executable, "-c", KILLED, str(tmp_path / "config.json"), str(tmp_path / "k")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == b"shard\n"
    time.sleep(0.03)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not json.loads((tmp_path / "k" / "manifest.json").read_text())["complete"]
    harvest(settings, tmp_path / "k")
    assert contents(tmp_path / "k") == contents(tmp_path / "whole")


def test_a_whole_store_is_not_written_again(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tiny_llama, tiny_text, tmp_path)
    monkeypatch.setattr(module, "write_shard", lambda *_a, **_k: pytest.fail("written again"))
    assert store(tiny_llama, tiny_text, tmp_path).manifest.complete


def test_more_tokens_extend_a_store_and_fewer_are_refused(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    store(tiny_llama, tiny_text, tmp_path / "grown")
    grown = store(tiny_llama, tiny_text, tmp_path / "grown", tokens=1100, held_out_tokens=500)
    store(tiny_llama, tiny_text, tmp_path / "once", tokens=1100, held_out_tokens=500)
    assert contents(tmp_path / "grown") == contents(tmp_path / "once")
    assert grown.n_shards("train") == 5
    with pytest.raises(UserError, match="holds more than `tokens = 300`; use it as it is"):
        store(tiny_llama, tiny_text, tmp_path / "once", tokens=300, held_out_tokens=500)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sites": ["resid.0"]}, r"is of other sites \(`resid.0`, `mlp.1`, not `resid.0`\)"),
        ({"context": 32}, r"is of another `context` \(`16`, not `32`\)"),
        ({"dtype": "fp32"}, r"is of another `dtype`"),
        ({"random_weights": 3}, r"is of another model \(.* with random weights 3\)"),
        ({"massive": 3.0}, r"is of another `massive`"),
        ({"bos": "none"}, r"is of another `bos`"),
    ],
)
def test_a_store_of_something_else_is_refused(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    store(tiny_llama, tiny_text, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(UserError, match=said):
        store(tiny_llama, tiny_text, tmp_path, **changes)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("decided", ["mixed", "fp32"])
def test_a_store_records_what_auto_came_to(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decided: str
) -> None:
    monkeypatch.setattr(load, "multiplies_bf16", lambda _device: decided == "mixed")
    made = store(tiny_llama, tiny_text, tmp_path, model_dtype="auto")
    assert made.identity["model_dtype"] == made.config.model_dtype == decided
    before = contents(tmp_path)
    for same_thing in ("auto", decided):
        store(tiny_llama, tiny_text, tmp_path, model_dtype=same_thing)
    assert contents(tmp_path) == before
    again = load_model(made.config.model, device="cpu", dtype=made.config.model_dtype)
    assert again.fingerprint == made.identity["model"]
    monkeypatch.setattr(load, "multiplies_bf16", lambda _device: decided != "mixed")
    with pytest.raises(UserError, match="is of another"):
        store(tiny_llama, tiny_text, tmp_path, model_dtype="auto")


def test_a_cpu_takes_fewer_contexts_at_once_and_gives_the_same_rows(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shards(LiveSource(config(tiny_llama, tiny_text, dtype="fp32")))
    monkeypatch.setattr(live, "PASS", 40)
    parts = shards(LiveSource(config(tiny_llama, tiny_text, dtype="fp32")))
    for a, b in zip(whole, parts, strict=True):
        assert torch.equal(a.tokens, b.tokens)
        for site in a.acts:
            torch.testing.assert_close(a.acts[site], b.acts[site], rtol=1e-5, atol=1e-5)


def test_a_store_of_another_model_or_text_is_refused(
    tiny_llama: Path, tiny_gpt2: Path, tiny_text: Path, tmp_path: Path
) -> None:
    store(tiny_llama, tiny_text, tmp_path / "store")
    with pytest.raises(UserError, match=r"another model \(`.*llama`, not `.*gpt2`\)"):
        store(tiny_gpt2, tiny_text, tmp_path / "store")
    other = tmp_path / "other"
    other.mkdir()
    for file in tiny_text.iterdir():
        (other / file.name).write_text(file.read_text() + "and more\n")
    with pytest.raises(UserError, match=r"another text \(`.*prose`, not `.*other`\)"):
        store(tiny_llama, other, tmp_path / "store")


def test_a_folder_with_something_else_in_it_is_refused(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("the only copy")
    with pytest.raises(UserError, match="holds something else"):
        store(tiny_llama, tiny_text, tmp_path)
    with pytest.raises(UserError, match="is a file; choose a folder"):
        store(tiny_llama, tiny_text, tmp_path / "thesis.tex")
    with pytest.raises(UserError, match="holds no store"):
        open_store(tmp_path)
    assert contents(tmp_path) == {"thesis.tex": b"the only copy"}


def test_a_disk_too_small_is_refused_before_anything_is_written(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5000

    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: Usage)
    with pytest.raises(UserError, match=r"takes 127 KiB and the disk of .* has 5 KiB free"):
        store(tiny_llama, tiny_text, tmp_path / "new" / "store")
    assert not (tmp_path / "new").exists()


def test_a_cut_shard_is_named_when_read_and_mended_by_a_harvest(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    made = store(tiny_llama, tiny_text, tmp_path)
    before = contents(tmp_path)
    shard = tmp_path / "train-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train-00001.safetensors` is missing, damaged or cut"):
        made.shard("train", 1)
    (tmp_path / "held_out-00000.documents.jsonl").unlink()
    store(tiny_llama, tiny_text, tmp_path)
    assert contents(tmp_path) == before


def test_a_store_of_another_format_is_refused(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path
) -> None:
    store(tiny_llama, tiny_text, tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "schema_number": 9}))
    with pytest.raises(UserError, match=r"has format 9 and this version of unmix reads 1"):
        open_store(tmp_path)
    path.write_text(json.dumps({**manifest, "colour": "red"}))
    with pytest.raises(UserError, match="there is no setting `colour`"):
        open_store(tmp_path)
    path.write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        open_store(tmp_path)


def test_nothing_is_said_on_the_terminal(
    tiny_llama: Path, tiny_text: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store(tiny_llama, tiny_text, tmp_path)
    assert capfd.readouterr() == ("", "")
