"""Configurations: files, recipes and overrides, and errors that name the key, what was found and what was meant."""

from __future__ import annotations

import pytest

from lmdm_train.engine.config import RECIPES, flattened, read_config, recipe_names
from lmdm_train.engine.schedule import Inverse
from lmdm_train.errors import LmdmTrainError
from lmdm_train.stages.codec import CodecConfig
from tests.train.engine_stages import TinyConfig


def read(tmp_path, text: str, *overrides: str) -> TinyConfig:
    file = tmp_path / "my.toml"
    file.write_text(text)
    return read_config(TinyConfig, str(file), overrides)


def test_a_file_and_its_overrides(tmp_path):
    text = 'width = 7\n[run]\nsteps = 10\nschedule = { kind = "inverse", inv_gamma = 5 }\nminutes = 3\n'
    config = read(tmp_path, text, "run.steps=20", "run.schedule.power=2.5", "run.precision=bf16-mixed", "run.minutes=none")
    assert (config.width, config.run.steps, config.run.precision, config.run.minutes) == (7, 20, "bf16-mixed", None)
    assert config.run.schedule == Inverse(inv_gamma=5, power=2.5)


@pytest.mark.parametrize(
    ("text", "override", "sentence"),
    [
        ("[run]\nstepz = 5", None, r"my\.toml: run\.stepz: no such key \(found 5\); did you mean run\.steps\?"),
        ("steps = 5", None, r"steps: no such key \(found 5\); did you mean run\.steps\?"),
        ("[run]\nxyzzy = 1", None, r"run\.xyzzy: no such key \(found 1\); known here: .*run\.accelerator"),
        ("[run]\nsteps = 0", None, r"run\.steps: input should be greater than 0, found 0"),
        ('[run]\nprecision = "fp16"', None, r"run\.precision: input should be '32-true', 'bf16-mixed' or '16-mixed', found \"fp16\""),
        (
            '[run.schedule]\nkind = "cosine"\nwarmup = 3',
            None,
            r"run\.schedule\.warmup: no such key \(found 3\); did you mean run\.schedule\.warm_up",
        ),
        ('[run.schedule]\nkind = "cosine"\nlast = 3', None, r"run\.schedule\.last: input should be less than or equal to 1, found 3"),
        ('[run.schedule]\nkind = "cosin"', None, r"run\.schedule: .*'cosin'.*'constant', 'cosine', 'inverse'"),
        ("[run\n", None, r"my\.toml is not TOML: .*line 1"),
        ("", "run.steps", r"--set expects section\.key=value such as run\.steps=500, found 'run\.steps'"),
        ("width = 3", "width.x=4", r"--set width\.x: width is 3, not a section"),
        ("", "run.steps=many", r"run\.steps: input should be a valid integer, .*found \"many\""),
    ],
)
def test_errors_say_where_what_and_what_instead(tmp_path, text, override, sentence):
    with pytest.raises(LmdmTrainError, match=sentence):
        read(tmp_path, text, *([override] if override else []))


def test_what_is_missing_is_named(tmp_path):
    from lmdm_train.stages.judge import JudgeConfig

    with pytest.raises(LmdmTrainError, match=r"training: missing; set it in the file or with --set training=…"):
        read_config(JudgeConfig, _file(tmp_path, "[run]\nsteps = 3\n"))
    with pytest.raises(LmdmTrainError, match=r"training\.codec: missing; set it in the file or with --set training\.codec=…"):
        read_config(JudgeConfig, _file(tmp_path, "[training]\n"))


def _file(tmp_path, text: str) -> str:
    (tmp_path / "one.toml").write_text(text)
    return str(tmp_path / "one.toml")


def test_recipes_are_found_by_name():
    assert "default/codec" in recipe_names()
    assert read_config(CodecConfig, "default/codec").training.latent_noise == 0.15
    with pytest.raises(LmdmTrainError, match=r"no configuration defalt/codec: .*did you mean default/codec\?"):
        read_config(CodecConfig, "defalt/codec")
    with pytest.raises(LmdmTrainError, match="there is no configuration"):
        read_config(CodecConfig, f"../{RECIPES.name}/default/codec")


def test_every_recipe_is_one_of_its_stage():
    """A recipe is named after its stage, with what sets it apart after a hyphen."""
    from importlib import import_module

    from lmdm_train.stages.run import STAGES

    for name in recipe_names():
        last = name.rpartition("/")[2]
        stage = max((stage for stage in STAGES if last == stage or last.startswith(f"{stage}-")), key=len)
        module, model = STAGES[stage]
        read_config(getattr(import_module(module), model), name)


def test_nested_values_are_compared_by_their_dotted_keys():
    assert flattened({"run": {"steps": 1, "schedule": {"kind": "cosine"}}, "b": [1, 2]}) == {
        "run.steps": 1,
        "run.schedule.kind": "cosine",
        "b": [1, 2],
    }
