"""Files for Neuronpedia: the documented fields, and the traps of its importer avoided."""

import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.index.written import DEAD
from unmix.cli.main import main
from unmix.errors import UserError
from unmix.export import neuronpedia, rows
from unmix.export.config import DashboardConfig, NamesConfig
from unmix.export.neuronpedia import Writer, write_neuronpedia
from unmix.index.read import Index, open_index

COUNTS = DashboardConfig(top=5, interval=2, window=6, labels=True)
NAMES = NamesConfig(model="tiny-model", set="mine", creator="someone", url="about:blank")
TEXT, NUMBER, WHOLE, BOOL = str, (int, float), int, bool
FEATURE: dict[str, Any] = {
    "modelId": TEXT,
    "layer": TEXT,
    "index": TEXT,
    "creatorId": TEXT,
    "createdAt": TEXT,
    "sourceSetName": TEXT,
    "maxActApprox": NUMBER,
    "hasVector": BOOL,
    "vector": [NUMBER],
    "vectorLabel": None,
    "vectorDefaultSteerStrength": NUMBER,
    "hookName": TEXT,
    "topkCosSimIndices": [WHOLE],
    "topkCosSimValues": [NUMBER],
    "neuron_alignment_indices": [WHOLE],
    "neuron_alignment_values": [NUMBER],
    "neuron_alignment_l1": [NUMBER],
    "correlated_neurons_indices": [WHOLE],
    "correlated_neurons_pearson": [NUMBER],
    "correlated_neurons_l1": [NUMBER],
    "correlated_features_indices": [WHOLE],
    "correlated_features_pearson": [NUMBER],
    "correlated_features_l1": [NUMBER],
    "neg_str": [TEXT],
    "neg_values": [NUMBER],
    "pos_str": [TEXT],
    "pos_values": [NUMBER],
    "frac_nonzero": NUMBER,
    "freq_hist_data_bar_heights": [NUMBER],
    "freq_hist_data_bar_values": [NUMBER],
    "logits_hist_data_bar_heights": [NUMBER],
    "logits_hist_data_bar_values": [NUMBER],
    "decoder_weights_dist": [NUMBER],
    "umap_x": NUMBER,
    "umap_y": NUMBER,
    "umap_cluster": None,
    "umap_log_feature_sparsity": (int, float, type(None)),
}
ACTIVATION: dict[str, Any] = {
    "id": TEXT,
    "tokens": [TEXT],
    "index": TEXT,
    "layer": TEXT,
    "modelId": TEXT,
    "maxValue": NUMBER,
    "maxValueTokenIndex": WHOLE,
    "minValue": NUMBER,
    "values": [NUMBER],
    "creatorId": TEXT,
    "createdAt": TEXT,
    "dataSource": None,
    "dataIndex": None,
    "dfaValues": [NUMBER],
    "dfaTargetIndex": None,
    "dfaMaxValue": None,
    "lossValues": [NUMBER],
    "logitContributions": None,
    "binMin": NUMBER,
    "binMax": NUMBER,
    "binContains": NUMBER,
    "qualifyingTokenIndex": WHOLE,
    "zIndices": None,
    "zValues": None,
}
HEADS = {
    "release": {"name", "description", "creatorName", "creatorId", "createdAt"},
    "model": {"id", "instruct", "creatorId", "layers", "owner", "updatedAt", "createdAt"},
    "sourceset": {"modelId", "name", "creatorId", "releaseName", "description", "createdAt"},
    "source": {"id", "modelId", "setName", "creatorId", "num_prompts", "dataset", "createdAt"},
}
"""Fields that must be there, of the files of one line."""


@pytest.fixture(scope="module")
def index(run: Path) -> Index:
    """Give the index that was exported."""
    return open_index(run)


@pytest.fixture(scope="module")
def out(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the exported files, of 40 latents each."""
    folder = tmp_path_factory.mktemp("out") / "np"
    writer = partial(Writer, run, NAMES, counts=COUNTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neuronpedia, "BATCH", 40)
        return write_neuronpedia(folder, writer, processes=1, counter=lambda *_: None)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file, compressed or not."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def everything(out: Path, folder: str) -> list[dict[str, Any]]:
    """Return the objects of all batches of a folder."""
    return [row for path in sorted((out / folder).iterdir()) for row in lines(path)]


def check(row: dict[str, Any], fields: dict[str, Any]) -> None:
    """Check the type of every field."""
    assert set(row) == set(fields)
    for name, kind in fields.items():
        value = row[name]
        if kind is None:
            assert value is None, name
        elif isinstance(kind, list):
            assert isinstance(value, list), name
            assert all(isinstance(one, kind[0]) for one in value), name
        else:
            assert isinstance(value, kind), (name, value)


def test_the_folders_are_where_the_importer_looks(out: Path):
    assert out.parts[-2:] == ("tiny-model", "1-mine")
    assert {path.name for path in out.iterdir()} == {
        *(f"{name}.jsonl" for name in HEADS),
        "features",
        "activations",
        "explanations",
    } - ({"explanations"} if not (out / "explanations").exists() else set())
    assert sorted(path.name for path in (out / "features").iterdir()) == [
        f"batch-{i}.jsonl.gz" for i in range(3)
    ]


@pytest.mark.parametrize("name", HEADS)
def test_files_of_one_line_have_what_must_be_there(name: str, out: Path):
    (row,) = lines(out / f"{name}.jsonl")
    assert {field for field in HEADS[name] if row[field] in (None, [])} == set()
    assert row.get("visibility") == "PUBLIC"


def test_every_feature_has_every_field(out: Path, index: Index):
    found = everything(out, "features")
    assert [row["index"] for row in found] == [str(j) for j in range(len(index))]
    for row in found:
        check(row, FEATURE)
    assert len({tuple(row) for row in found}) == 1  # columns are taken from the first line alone


def test_numbers_are_those_that_were_counted(out: Path, index: Index):
    for latent, row in enumerate(everything(out, "features")):
        codes = index.codes(latent)
        assert row["frac_nonzero"] == index.column("density")[latent]
        assert row["frac_nonzero"] == len(codes.values) / index.manifest.n_eligible
        heights, centres = row["freq_hist_data_bar_heights"], row["freq_hist_data_bar_values"]
        assert sum(heights) == len(codes.values)  # exact zeros, nearly all tokens, are in no bar
        assert len(heights) == len(centres) == (50 if len(codes.values) else 0)
        direction = np.array(row["vector"]) / max(float(index.column("norm")[latent]), 1e-9)
        np.testing.assert_allclose(direction, index.directions[latent], atol=1e-4)
        near = row["topkCosSimIndices"]
        cosines = index.directions[near] @ index.directions[latent]
        np.testing.assert_allclose(row["topkCosSimValues"], cosines, atol=1e-3)


def test_activations_are_grouped_and_have_ids_of_their_own(out: Path, index: Index):
    found = everything(out, "activations")
    for row in found:
        check(row, ACTIVATION)
        assert len(row["tokens"]) == len(row["values"])
        assert row["values"][row["maxValueTokenIndex"]] == row["maxValue"] == max(row["values"])
        assert row["values"][row["qualifyingTokenIndex"]] > 0
        assert "\0" not in "".join(row["tokens"])
    ids = [row["id"] for row in found]
    assert len(set(ids)) == len(ids)
    assert {(len(one), one[0]) for one in ids} == {(25, "c")}
    alive = {str(j) for j in np.flatnonzero(index.column("n_fired"))}
    assert {row["index"] for row in found} == alive
    assert {row["index"] for row in found if row["binMin"] == -1} == alive
    assert all(0 < row["binContains"] <= 1 for row in found if row["binMin"] != -1)


def test_nothing_that_cannot_be_stored_is_written():
    shown = {"creatorId": "x", "createdAt": "", "modelId": "m", "layer": "0-s", "index": "1"}
    row = rows.Explanation(**shown, id="c1", description="a\0b")
    assert json.loads(row.line())["description"] == "a b"
    with pytest.raises(ValueError, match="at most 25"):
        rows.Explanation(**shown, id="c" * 26, description="")
    numbers = {"maxValueTokenIndex": 0, "minValue": 0.0, "binMin": 0.0, "binMax": 1.0}
    with pytest.raises(ValueError, match="finite number"):
        rows.Activation(
            **shown,
            **numbers,
            id="c1",
            tokens=[],
            values=[],
            maxValue=float("nan"),
            binContains=0.5,
            qualifyingTokenIndex=0,
        )


def test_it_goes_on_where_it_was_and_refuses_other_settings(run: Path, tmp_path: Path):
    writer = partial(Writer, run, NAMES, counts=COUNTS)
    folder = write_neuronpedia(tmp_path / "np", writer, processes=1, counter=lambda *_: None)
    file = folder / "features" / "batch-0.jsonl.gz"
    before = file.read_bytes()
    file.unlink()
    write_neuronpedia(tmp_path / "np", writer, processes=1, counter=lambda *_: None)
    assert file.read_bytes() == before
    other = partial(Writer, run, NAMES, counts=COUNTS.model_copy(update={"top": 1}))
    with pytest.raises(UserError, match="with other settings"):
        write_neuronpedia(tmp_path / "np", other, processes=1, counter=lambda *_: None)


def test_from_the_command_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "np"
    assert main(["export", "neuronpedia", str(run), str(out), "--processes", "1"]) == 0
    assert capsys.readouterr().out.strip() == str(out / "model" / "1-unmix-resid-101")


def test_dead_latents_are_there(out: Path):
    assert DEAD  # the hand-made index has one; here some latents of the run never fire
    dead = [row for row in everything(out, "features") if row["frac_nonzero"] == 0]
    assert dead
    assert {row["maxActApprox"] for row in dead} == {0}
    assert {row["umap_log_feature_sparsity"] for row in dead} == {None}
