"""The rows Neuronpedia imports, table by table: every field that has a column there.

Its importer takes the columns of a file from the file's first line, so every line must have the
same keys: a row here always writes all of its fields.  `\\u0000` cannot be stored there and becomes
a space.  Names are theirs; a line of ours has no docstring where the name says it.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from unmix.export.config import CREATOR

Text = Annotated[str, AfterValidator(lambda text: text.replace("\x00", " "))]
Id = Annotated[str, Field(max_length=25)]


class Table(BaseModel):
    """Base of all rows: no unknown fields, no NaN, one line of JSON each."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    creatorId: str = CREATOR
    createdAt: str
    """ISO time."""

    def line(self) -> bytes:
        """Return the row as a line of JSON, with every field."""
        return self.model_dump_json().encode() + b"\n"


class Release(Table):
    """`release.jsonl`: what was published together."""

    name: Text
    description: Text
    creatorName: Text
    visibility: str = "PUBLIC"
    isNewUi: bool = False
    featured: bool = False
    descriptionShort: Text | None = None
    urls: list[str] = []
    creatorEmail: str | None = None
    creatorNameShort: Text | None = None
    defaultSourceSetName: str | None = None
    defaultSourceId: str | None = None
    defaultUmapSourceIds: list[str] = []


class Model(Table):
    """`model.jsonl`: the language model."""

    id: str
    instruct: bool
    displayNameShort: Text
    displayName: Text
    tlensId: str | None = None
    dimension: int | None = None
    visibility: str = "PUBLIC"
    defaultSourceSetName: str | None = None
    defaultSourceId: str | None = None
    inferenceEnabled: bool = False
    layers: int = 0
    neuronsPerLayer: int = 0
    owner: Text = ""
    updatedAt: str
    website: str | None = None


class SourceSet(Table):
    """`sourceset.jsonl`: dictionaries of one kind, one a layer."""

    modelId: str
    name: str
    hasDashboards: bool = True
    visibility: str = "PUBLIC"
    """Theirs is `PRIVATE` where it is not given, and then nothing is shown."""
    description: Text = ""
    type: Text = ""
    creatorName: Text = ""
    urls: list[str] = []
    creatorEmail: str | None = None
    releaseName: str | None = None
    defaultOfModelId: str | None = None
    defaultRange: int = 1
    defaultShowBreaks: bool = True
    showDfa: bool = False
    showCorrelated: bool = False
    showHeadAttribution: bool = False
    showUmap: bool = False


class Source(Table):
    """`source.jsonl`: one dictionary."""

    id: str
    modelId: str
    setName: str
    hasDashboards: bool = True
    inferenceEnabled: bool = False
    inferenceHosts: list[str] = []
    saelensConfig: str | None = None
    saelensRelease: str | None = None
    saelensSaeId: str | None = None
    hfRepoId: str | None = None
    hfFolderId: str | None = None
    visibility: str = "PUBLIC"
    defaultOfModelId: str | None = None
    hasUmap: bool = False
    hasUmapLogSparsity: bool = False
    hasUmapClusters: bool = False
    num_prompts: int | None = None
    num_tokens_in_prompt: int | None = None
    dataset: Text | None = None
    notes: Text | None = None


class Feature(Table):
    """A line of `features/batch-N.jsonl.gz`: a latent."""

    modelId: str
    layer: str
    """Id of the source."""
    index: str
    """Number of the latent; a text in their database."""
    sourceSetName: str
    maxActApprox: float
    hasVector: bool
    vector: list[float]
    vectorLabel: Text | None = None
    vectorDefaultSteerStrength: float | None = None
    hookName: str | None = None
    topkCosSimIndices: list[int]
    topkCosSimValues: list[float]
    neuron_alignment_indices: list[int]
    neuron_alignment_values: list[float]
    neuron_alignment_l1: list[float]
    correlated_neurons_indices: list[int] = []
    correlated_neurons_pearson: list[float] = []
    correlated_neurons_l1: list[float] = []
    correlated_features_indices: list[int] = []
    correlated_features_pearson: list[float] = []
    correlated_features_l1: list[float] = []
    neg_str: list[Text]
    neg_values: list[float]
    pos_str: list[Text]
    pos_values: list[float]
    frac_nonzero: float
    freq_hist_data_bar_heights: list[float]
    freq_hist_data_bar_values: list[float]
    logits_hist_data_bar_heights: list[float]
    logits_hist_data_bar_values: list[float]
    decoder_weights_dist: list[float] = []
    umap_x: float | None
    umap_y: float | None
    umap_cluster: int | None = None
    umap_log_feature_sparsity: float | None


class Activation(Table):
    """A line of `activations/batch-N.jsonl.gz`: a stretch of text and the acts on it."""

    id: Id
    tokens: list[Text]
    index: str
    layer: str
    modelId: str
    maxValue: float
    maxValueTokenIndex: int
    minValue: float
    values: list[float]
    dataSource: str | None = None
    dataIndex: str | None = None
    dfaValues: list[float] = []
    dfaTargetIndex: int | None = None
    dfaMaxValue: float | None = None
    lossValues: list[float] = []
    logitContributions: str | None = None
    binMin: float
    """-1 for the strongest."""
    binMax: float
    """For the strongest, the largest act."""
    binContains: float
    """Share of the latent's acts that lie in the interval; -1 for the strongest."""
    qualifyingTokenIndex: int
    zIndices: list[list[int]] | None = None
    zValues: list[float] | None = None


class Explanation(Table):
    """A line of `explanations/batch-N.jsonl.gz`."""

    id: Id
    modelId: str
    layer: str
    index: str
    description: Text
    authorId: str = CREATOR
    typeName: str | None = None
    explanationModelName: str | None = None
    notes: Text | None = None
