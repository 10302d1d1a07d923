"""An index as SAEDashboard's own files: `batch-N.json`, and `run_settings.json` beside them.

A batch is `{model_id, layer, sae_set, sae_id_suffix, features}`, and its features are what
`NeuronpediaDashboardFeature` takes.  The density is the number that was counted, not one read back
from a title, and no interval holds zeros.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, final

from unmix import __version__
from unmix.disk import write_json, write_text
from unmix.export.config import DashboardConfig, NamesConfig
from unmix.export.dashboard import Dashboard, Dashboards
from unmix.export.folder import claim
from unmix.export.names import layer
from unmix.export.neuronpedia import Naming
from unmix.export.work import Counter, blocks
from unmix.index.manifest import Manifest
from unmix.index.read import open_index

BATCH = 128
"""Latents of a file, as in SAEDashboard."""


@final
class Writer:
    """Turns latents into batches.

    Args:
        folder: The index.
        names: What things are called.
        counts: How much is written of each latent.
    """

    def __init__(self, folder: Path, names: NamesConfig, *, counts: DashboardConfig) -> None:
        self.dashboards = Dashboards(open_index(folder), counts)
        self.counts = counts
        self.naming = Naming.of(self.manifest, names)
        self.corpus = _corpus(self.manifest)

    @property
    def manifest(self) -> Manifest:
        """What was indexed."""
        return self.dashboards.index.manifest

    def settings(self) -> dict[str, Any]:
        """Return what `run_settings.json` says."""
        return {
            "model_id": self.naming.model,
            "layer": layer(self.manifest.site),
            "sae_set": self.naming.set,
            "n_features": self.manifest.n_latents,
            "n_features_at_a_time": BATCH,
            "n_prompts_total": self.corpus["n_prompts_total"],
            "n_tokens_in_prompt": self.corpus["n_tokens_in_prompt"],
            "huggingface_dataset_path": self.corpus["dataset"],
            "unmix_index": self.manifest.fingerprint,
            "unmix_version": self.manifest.version,
            "unmix_counts": self.counts.model_dump(),
        }

    def skipped(self) -> dict[str, Any]:
        """Return what `skipped_indexes.json` says: nothing is skipped, dead latents are there."""
        about = self.settings()
        return {
            "model_id": about["model_id"],
            "layer": str(about["layer"]),
            "sae_set": about["sae_set"],
            "log_sparsity": None,
            "skipped_indexes": [],
        }

    def batch(self, first: int, last: int) -> dict[str, Any]:
        """Return the batch of latents `first` to `last - 1`."""
        return {
            "model_id": self.naming.model,
            "layer": layer(self.manifest.site),
            "sae_set": self.naming.set,
            "sae_id_suffix": None,
            "features": [self._feature(self.dashboards.of(j)) for j in range(first, last)],
        }

    def _feature(self, one: Dashboard) -> dict[str, Any]:
        return {
            "feature_index": one.latent,
            "neuron_alignment_indices": one.aligned.which,
            "neuron_alignment_values": one.aligned.scores,
            "neuron_alignment_l1": one.aligned_share,
            "correlated_neurons_indices": [],
            "correlated_neurons_l1": [],
            "correlated_neurons_pearson": [],
            "correlated_features_indices": [],
            "correlated_features_l1": [],
            "correlated_features_pearson": [],
            "neg_str": one.down[0],
            "neg_values": one.down[1],
            "pos_str": one.up[0],
            "pos_values": one.up[1],
            "frac_nonzero": one.density,
            "freq_hist_data_bar_values": one.acts.centres,
            "freq_hist_data_bar_heights": one.acts.heights,
            "logits_hist_data_bar_heights": one.logits.heights,
            "logits_hist_data_bar_values": one.logits.centres,
            **self.corpus,
            "activations": _activations(one),
            "decoder_weights_dist": [],
            "vector": one.row if self.counts.vectors else [],
        }


def write_saedashboard(
    out: Path, writer: Callable[[], Writer], *, processes: int, counter: Counter
) -> Path:
    """Write all files, going on where an earlier call was stopped; return their folder."""
    here = writer()
    claim(out, {"export": "saedashboard", "version": __version__, **here.settings()})
    write_json(out / "run_settings.json", here.settings())
    write_json(out / "skipped_indexes.json", here.skipped())
    latents = here.manifest.n_latents
    batches = range(-(-latents // BATCH))
    left = [n for n in batches if not (out / f"batch-{n}.json").is_file()]
    working = blocks(partial(_batch, out, latents), left, opened=writer, processes=processes)
    for done, _ in enumerate(working, start=len(batches) - len(left) + 1):
        counter(min(done * BATCH, latents), latents)
    return out


def _batch(out: Path, latents: int, writer: Writer, number: int) -> None:
    batch = writer.batch(number * BATCH, min((number + 1) * BATCH, latents))
    write_text(out / f"batch-{number}.json", json.dumps(batch, allow_nan=False))


def _corpus(manifest: Manifest) -> dict[str, Any]:
    """Return what is said of the text, in every feature."""
    text = manifest.source.get("text", ())
    return {
        "n_prompts_total": -(-manifest.n_tokens // manifest.context),
        "n_tokens_in_prompt": manifest.context,
        "dataset": text if isinstance(text, str) else ", ".join(text),
    }


def _activations(one: Dashboard) -> list[dict[str, Any]]:
    return [
        {
            "bin_min": group.low,
            "bin_max": group.high,
            "bin_contains": group.share,
            "tokens": stretch.tokens,
            "values": stretch.acts,
            "qualifying_token_index": stretch.peak,
        }
        for group in one.groups
        for stretch in group.stretches
    ]
