"""Recipes and flags: every setting can be given either way, and misspelling is answered."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmix.activations.config import SourceConfig
from unmix.cli.demo import DemoConfig
from unmix.cli.evaluate import EvaluateConfig
from unmix.cli.flags import flags, spellings
from unmix.cli.harvest import HarvestConfig, from_recipe
from unmix.cli.parse import parse, read_recipe, recipe, split_recipe
from unmix.config import Config
from unmix.errors import UserError
from unmix.training.config import TrainConfig

RECIPES = sorted(path.name for path in files("unmix.recipes").iterdir() if ".toml" in path.name)
BASE = TrainConfig(source=SourceConfig())


def train(*argv: str, default: TrainConfig = BASE) -> TrainConfig:
    """Parse flags of `unmix train`."""
    return parse(TrainConfig, list(argv), prog="unmix train", default=default)


@pytest.mark.parametrize(
    "default",
    [HarvestConfig(), BASE, EvaluateConfig(), DemoConfig()],
    ids=lambda c: type(c).__name__,
)
def test_without_flags_nothing_changes(default: Config):
    assert parse(type(default), [], prog="unmix", default=default) == default


def test_every_setting_has_a_flag_with_help():
    found = {flag.name: flag.about for flag in flags(TrainConfig)}
    for name in TrainConfig.model_fields.keys() - {"source", "dictionary", "sweep"}:
        assert f"--{name.replace('_', '-')}" in found
    for name in SourceConfig.model_fields:
        assert f"--source.{name.replace('_', '-')}" in found
    assert all(found.values()), [name for name, about in found.items() if not about]
    assert {"--dictionary.no-skip", "--no-frozen-control"} <= set(spellings(TrainConfig))


def test_flags_of_every_form():
    config = train(
        *("--source.sites", "resid.1", "mlp.2", "--source.weights", "1", "2.5", "--out", "there"),
        *("--source.tokens=7", "--target", "mlp.2", "--dictionary.skip", "--no-frozen-control"),
        *("--dictionary.kind", "topk", "--dictionary.k", "3", "--sweep.seed", "1", "2"),
        *("--dictionary.dead-after", "None", "--warm_up", "0.5"),
    )
    assert config.source is not None
    assert config.source.sites == ("resid.1", "mlp.2")
    assert config.source.weights == (1.0, 2.5)
    assert config.source.tokens == 7
    assert config.out == Path("there")
    assert (config.target, config.dictionary.skip, config.frozen_control) == ("mlp.2", True, False)
    assert (config.dictionary.kind, config.dictionary.k) == ("topk", 3.0)
    assert config.sweep.seed == (1, 2)
    assert (config.dictionary.dead_after, config.warm_up) == (None, 0.5)


@given(
    tokens=st.integers(1, 10**12), massive=st.floats(1.001, 1e6), site=st.text("abc.1", min_size=1)
)
def test_values_survive_being_typed(tokens: int, massive: float, site: str):
    argv = ["--tokens", str(tokens), "--massive", str(massive), "--sites", site]
    config = parse(HarvestConfig, argv, prog="unmix harvest", default=HarvestConfig())
    assert (config.tokens, config.massive, config.sites) == (tokens, massive, (site,))


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--source.tokns", "5"], "no flag `--source.tokns`; did you mean `--source.tokens`?"),
        (["--qqq"], "there is no flag `--qqq`; `--help` lists them"),
        (["--source.tokens", "x"], "`source.tokens`: Input should be a valid integer"),
        (["--source.tokens", "0"], "`source.tokens`: Input should be greater than 0"),
        (["--dictionary.kind", "top"], "`dictionary.kind`: Input should be 'relu', 'topk'"),
        (["--dictionary.k", "10000"], "`k` is 10000 but there are 9216 latents; lower `k`"),
    ],
)
def test_flags_that_cannot_be_used(argv: list[str], sentence: str):
    with pytest.raises(UserError) as error:
        train(*argv)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_flag_without_its_value_ends_with_status_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        train("--source.tokens")
    assert end.value.code == 2
    assert "--source.tokens" in capsys.readouterr().err


def test_the_first_word_without_dashes_names_a_recipe():
    assert split_recipe(["demo.toml", "--seed", "1"]) == ("demo.toml", ["--seed", "1"])
    assert split_recipe(["--seed", "1"]) == (None, ["--seed", "1"])
    assert split_recipe([]) == (None, [])


@pytest.mark.parametrize("name", RECIPES)
def test_every_packaged_recipe_is_a_run_and_a_harvest(name: str):
    config = recipe(TrainConfig, name)
    assert config == recipe(TrainConfig, f"recipes/{name}")
    assert train(default=config) == config
    harvested = from_recipe(name)
    assert config.folder() in (None, harvested.out)
    assert config.source == SourceConfig.model_validate(harvested.model_dump(exclude={"out"}))


def test_a_recipe_of_ones_own_and_flags_over_it(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('store = "stores/a"\npasses = 2\n[dictionary]\nk = 5\nlatents = 64\n')
    config = train("--dictionary.k", "6", default=recipe(TrainConfig, str(file)))
    assert (config.store, config.passes) == ("stores/a", 2.0)
    assert (config.dictionary.k, config.dictionary.latents) == (6.0, 64)


def test_a_file_comes_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("demo.toml").write_text("passes = 9")
    assert read_recipe("demo.toml") == {"passes": 9}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[source]\ntokns = 4\n", "there is no setting `source.tokns`; did you mean `tokens`?"),
        ("stor = 'a'\n", "there is no setting `stor`; did you mean `store`?"),
        ("passes = 1\n", "nothing to read: give `store`, or `source`, or both"),
        ("store = 'a'\npasses = -1\n", "`passes`: Input should be greater than 0"),
        ("passes = \n", "is not valid TOML"),
    ],
)
def test_recipes_that_cannot_be_used(tmp_path: Path, text: str, sentence: str):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        recipe(TrainConfig, str(file))
    assert "mine.toml" in str(error.value)
    assert sentence in str(error.value)


@pytest.mark.parametrize("name", ["dem.toml", "demo", "recipes/demo"])
def test_a_recipe_that_is_not_there(name: str):
    with pytest.raises(UserError, match=f"no recipe `{name}`.* did you mean `demo.toml`"):
        read_recipe(name)
