"""The first word: help, version, verbs; and how a run of the command line ends."""

import os
import signal
import subprocess
import sys

import pytest

from unmix import __version__
from unmix.cli import harvest
from unmix.cli.main import VERBS, main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "unmix", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_the_verbs_in_the_order_of_the_data_flow(
    words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("  ")] == list(VERBS)


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"unmix {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_every_flag_on_stdout(
    verb: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"usage: unmix {verb}")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "there is no verb `trian`; did you mean `train`?"),
        (["xyz"], f"there is no verb `xyz`; there are {', '.join(VERBS)}"),
        (["--tokens", "3"], f"there is no verb `--tokens`; there are {', '.join(VERBS)}"),
        (["evaluate"], "evaluate takes the folder of one run: `unmix evaluate RUN`"),
        (["evaluate", "a", "b"], "evaluate takes the folder of one run: `unmix evaluate RUN`"),
        (["evaluate", "a", "--jsn"], "there is no flag `--jsn`; did you mean `--json`?"),
        (["evaluate", "nowhere"], "`nowhere` is not a run: it has no `config.json`"),
        (["train", "--resume", "nowhere"], "`nowhere` is not a run: it has no `config.json`"),
        (
            ["train", "--resume", "runs/a", "--passes", "2"],
            "`--resume` takes the folder of a run and no other flag: "
            "its settings are in the folder",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err == f"error: {sentence}\n"
    assert captured.out == ""


def test_a_stop_by_the_user_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def stopped(_: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(harvest, "run", stopped)
    assert main(["harvest"]) == 130
    assert capsys.readouterr().err == ""


def test_a_scheduler_stops_it_as_the_user_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(harvest, "run", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["harvest"]) == 130
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_mistake_of_ours_shows_where_it_is(monkeypatch: pytest.MonkeyPatch):
    def mistaken(_: list[str]) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(harvest, "run", mistaken)
    with pytest.raises(RuntimeError, match="ours"):
        main(["harvest"])


def test_a_sentence_without_a_traceback_in_a_real_process():
    done = run("train", "recipes/dmo.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no recipe `recipes/dmo.toml`")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_help_and_refusals_need_no_torch():
    code = (
        "import sys, unmix.cli.main as cli\n"
        "for verb in cli.VERBS:\n"
        "    try: cli.main([verb, '--help'])\n"
        "    except SystemExit: pass\n"
        "cli.main(['train', 'demo.toml', '--sed', '3'])\n"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'pyarrow', 'datasets'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        0,
        "error: there is no flag `--sed`; did you mean `--seed`?\n",
    )


def test_a_reader_that_leaves_early_is_no_mistake():
    command = f"{sys.executable} -m unmix train --help | head -1"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert (done.stdout.split()[:2], done.stderr) == (["usage:", "unmix"], "")
