"""`lmdm threads` and the choice that it leaves: who reads it, who wins over it, and what is ignored."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lmdm_runtime import load_bundle, thread_trials
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions, physical_cores
from lmdm_runtime.cli import main
from lmdm_runtime.thread_choice import FILE, ThreadChoice, chosen, look_up, this_machine
from lmdm_runtime.thread_trials import NEAR, SPINNING_WINS, Trial, candidates, choose
from tests.runtime.conftest import Tiny
from tests.runtime.thread_files import CASES, good, write_case

SPINNING = "session.intra_op.allow_spinning"


def lmdm(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lmdm")


@pytest.fixture
def folder(causal: Tiny, tmp_path: Path) -> Path:
    """A bundle of the test's own."""
    return shutil.copytree(causal.folder, tmp_path / "bundle")


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between blocks, which pass at once: the block of a tiny bundle lasts a second."""
    pauses: list[float] = []
    monkeypatch.setattr(thread_trials.time, "sleep", pauses.append)
    return pauses


def used(folder: Path, options: OrtOptions | None = None) -> tuple[int, str]:
    made = OrtBackend(load_bundle(folder), options)._session_options("cached_decoder")
    return made.intra_op_num_threads, made.get_session_config_entry(SPINNING)


@pytest.mark.parametrize("name", CASES)
def test_what_is_used_and_what_is_ignored_with_a_sentence(name: str, tmp_path: Path) -> None:
    case = write_case(tmp_path, name)
    found = look_up(case)
    if name.startswith("used"):
        assert found == chosen(case) == ThreadChoice(1, True)
    else:
        assert chosen(case) is None
        assert isinstance(found, str)
        assert found.startswith("threads.json is ignored: ")
        assert found.endswith("; measure again with lmdm threads")
        assert len(found) < 400
        assert "\n" not in found


def test_a_choice_applies_where_no_number_is_named(folder: Path) -> None:
    assert look_up(folder) is None
    assert used(folder) == (physical_cores(), "0")
    (folder / FILE).write_text(json.dumps(good(1, True)))
    assert used(folder) == (1, "1")
    assert used(folder, OrtOptions(spinning=False)) == (1, "0")
    assert used(folder, OrtOptions(threads=3)) == (3, "0")
    assert used(folder, OrtOptions(threads=3, spinning=True)) == (3, "1")
    (folder / FILE).write_text(json.dumps(good(10**9)))
    assert used(folder) == (physical_cores(), "0")


def trial(threads: int, spinning: bool, p95: float) -> Trial:
    return Trial(ThreadChoice(threads, spinning), [p95] * 5)


def test_the_rule() -> None:
    near, far = 100 * NEAR - 0.1, 100 * NEAR + 0.1
    assert choose([trial(1, False, near), trial(2, False, 100), trial(4, False, 99.99)]) == ThreadChoice(1, False)
    assert choose([trial(1, False, far), trial(2, False, near), trial(4, False, 100)]) == ThreadChoice(2, False)
    enough, little = 100 * SPINNING_WINS - 0.1, 100 * SPINNING_WINS + 0.1
    assert choose([trial(1, False, 150), trial(2, False, 100), trial(2, True, little)]) == ThreadChoice(2, False)
    assert choose([trial(1, False, 150), trial(2, False, 100), trial(2, True, enough)]) == ThreadChoice(2, True)
    assert choose([trial(1, False, 100)]) == ThreadChoice(1, False)


def test_every_number_of_threads_is_tried() -> None:
    assert candidates(1) == [ThreadChoice(1, False)]
    assert candidates(2) == [ThreadChoice(1, False), ThreadChoice(2, False), ThreadChoice(2, True)]
    assert [choice.threads for choice in candidates(40) if not choice.spinning] == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 40]


def test_threads_measures_and_leaves_its_choice(folder: Path, paced: list[float]) -> None:
    made = lmdm("threads", folder, "--seconds", 4, "--json")
    assert made.exit_code == 0, made.output
    result, written = json.loads(made.stdout), json.loads((folder / FILE).read_text())
    assert written == {
        "format": 1,
        "machine": {"cpu": this_machine().cpu, "cores": this_machine().cores},
        **{key: result[key] for key in ("threads", "spinning", "measured")},
    }
    settings = candidates(physical_cores())
    assert [(row["threads"], row["spinning"]) for row in result["measured"]] == [(c.threads, c.spinning) for c in settings]
    # Blocks of a second at its pace: what is left of each second after a block is slept.
    blocks = thread_trials.ROUNDS * thread_trials.FEWEST
    assert {row["blocks"] for row in result["measured"]} == {blocks}
    assert len(paced) == blocks * len(settings)
    assert 0 < sorted(paced)[len(paced) // 2] < 1 + blocks
    assert all(0 < row["p50_ms"] <= row["p95_ms"] and row["cpu_ms_per_block"] > 0 for row in result["measured"])
    assert chosen(folder) == ThreadChoice(result["threads"], result["spinning"])
    assert not list(folder.glob(f".{FILE}*"))


def test_a_dry_run_prints_only(folder: Path, paced: list[float]) -> None:
    made = lmdm("threads", folder, "--seconds", 1, "--dry")
    assert made.exit_code == 0, made.output
    assert "chosen" in made.stdout
    assert "nothing was written" in made.stdout
    assert not (folder / FILE).exists()


def test_inspect_names_the_choice_or_why_it_is_ignored(folder: Path) -> None:
    assert json.loads(lmdm("inspect", folder, "--json").stdout)["threads"] is None
    assert "asleep" not in lmdm("inspect", folder).stdout
    (folder / FILE).write_text(json.dumps(good(1, False)))
    assert json.loads(lmdm("inspect", folder, "--json").stdout)["threads"] == {"threads": 1, "spinning": False}
    assert "1, asleep while they wait" in lmdm("inspect", folder).stdout
    (folder / FILE).write_text(json.dumps({**good(), "machine": {"cpu": "MOS 6502", "cores": 1}}))
    assert "it is of another machine (MOS 6502, 1 cores)" in json.loads(lmdm("inspect", folder, "--json").stdout)["threads"]["ignored"]
    assert "another machine" in lmdm("inspect", folder).stdout


def test_a_bundle_that_is_read_only_is_one_sentence(folder: Path) -> None:
    # Root writes everywhere, unless it gives that right away.
    as_anyone = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if as_anyone and shutil.which("setpriv") is None:
        pytest.skip("root without setpriv (util-linux) cannot be kept from writing")
    folder.chmod(0o555)
    command = [*as_anyone, sys.executable, "-m", "lmdm_runtime.cli", "threads", str(folder), "--seconds", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    folder.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert done.stderr == (
        f"error: threads.json cannot be written in {folder} (Permission denied); make the folder writable, or only measure with --dry\n"
    )
    assert done.stdout == ""
    assert not (folder / FILE).exists()


def test_a_folder_in_the_way_is_one_sentence_and_leaves_nothing(folder: Path, paced: list[float]) -> None:
    (folder / FILE / "x").mkdir(parents=True)
    made = lmdm("threads", folder, "--seconds", 1)
    assert made.exit_code == 1
    assert made.stderr.startswith("error: threads.json cannot be written in ")
    assert made.stderr.count("\n") == 1
    assert not list(folder.glob(f".{FILE}*"))
