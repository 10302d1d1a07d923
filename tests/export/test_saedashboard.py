"""SAEDashboard's files, by the names its reader takes."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from unmix.export.config import DashboardConfig, NamesConfig
from unmix.export.saedashboard import BATCH, Writer, write_saedashboard
from unmix.index.read import open_index

BATCH_FIELDS = {"model_id", "layer", "sae_set", "sae_id_suffix", "features"}
FEATURE_FIELDS = {
    "feature_index",
    "neuron_alignment_indices",
    "neuron_alignment_values",
    "neuron_alignment_l1",
    "correlated_neurons_indices",
    "correlated_neurons_l1",
    "correlated_neurons_pearson",
    "correlated_features_indices",
    "correlated_features_l1",
    "correlated_features_pearson",
    "neg_str",
    "neg_values",
    "pos_str",
    "pos_values",
    "frac_nonzero",
    "freq_hist_data_bar_values",
    "freq_hist_data_bar_heights",
    "logits_hist_data_bar_heights",
    "logits_hist_data_bar_values",
    "n_prompts_total",
    "n_tokens_in_prompt",
    "dataset",
    "activations",
    "decoder_weights_dist",
    "vector",
}
ACTIVATION_FIELDS = {
    "bin_min",
    "bin_max",
    "bin_contains",
    "tokens",
    "values",
    "qualifying_token_index",
}


@pytest.fixture(scope="module")
def out(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the exported files."""
    folder = tmp_path_factory.mktemp("out") / "sd"
    counts = DashboardConfig(top=5, interval=2, window=6)
    writer = partial(Writer, run, NamesConfig(set="mine"), counts=counts)
    return write_saedashboard(folder, writer, processes=1, counter=lambda *_: None)


def features(out: Path) -> list[dict[str, Any]]:
    """Return all features, of all batches in their order."""
    batches = sorted(out.glob("batch-*.json"), key=lambda path: int(path.stem.split("-")[1]))
    read = [json.loads(path.read_text()) for path in batches]
    assert all(set(batch) == BATCH_FIELDS for batch in read)
    return [feature for batch in read for feature in batch["features"]]


def test_every_field_its_reader_takes_and_no_other(out: Path):
    found = features(out)
    assert [one["feature_index"] for one in found] == list(range(101))
    assert all(set(one) == FEATURE_FIELDS for one in found)
    assert all(set(a) == ACTIVATION_FIELDS for one in found for a in one["activations"])
    assert BATCH == 128


def test_the_density_is_a_number_that_was_counted(run: Path, out: Path):
    index = open_index(run)
    for one in features(out):
        fired = len(index.codes(one["feature_index"]).values)
        assert one["frac_nonzero"] == fired / index.manifest.n_eligible
        assert sum(one["freq_hist_data_bar_heights"]) == fired


def test_the_strongest_are_coded_as_in_its_own_files(out: Path):
    for one in features(out):
        groups = [(a["bin_min"], a["bin_contains"]) for a in one["activations"]]
        strongest = [a for a in one["activations"] if a["bin_min"] == -1]
        assert bool(groups) == bool(strongest)
        for a in strongest:
            assert a["bin_contains"] == -1
            assert max(a["values"]) <= a["bin_max"]
        for a in one["activations"]:
            assert len(a["tokens"]) == len(a["values"])
            assert a["values"][a["qualifying_token_index"]] != 0


def test_settings_stand_beside_the_batches(out: Path):
    settings = json.loads((out / "run_settings.json").read_text())
    assert (settings["sae_set"], settings["n_features"], settings["layer"]) == ("mine", 101, 1)
    assert json.loads((out / "skipped_indexes.json").read_text())["skipped_indexes"] == []
