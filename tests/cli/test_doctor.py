"""`lmdm doctor`: each probe on machines that have, lack or break what it looks for."""

from __future__ import annotations

import ctypes
import json
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from lmdm_runtime import distribution
from lmdm_runtime.cli import main
from lmdm_runtime.doctor import examine, gpu, packages, processor, providers, sound, toolchain


def test_this_machine_runs_the_runtime() -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 0, result.stdout
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert {"python", "packages: runtime", "onnxruntime", "processor", "nvidia driver", "soundfont"} <= {
        line["check"] for line in report["findings"]
    }


def test_every_line_that_is_not_ok_has_a_fix() -> None:
    assert all(finding.fix for finding in examine() if finding.status != "ok")


def test_the_table_names_every_check() -> None:
    result = CliRunner().invoke(main, ["doctor"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert all(finding.check in result.stdout for finding in examine())


def test_a_fault_makes_it_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "installed", lambda name: "1.0")
    result = CliRunner().invoke(main, ["doctor"], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "both onnxruntime and onnxruntime-gpu" in result.stdout
    assert "1 to mend before the runtime works: onnxruntime" in result.stdout


def test_a_package_that_is_missing_or_too_old() -> None:
    finding = packages.group("train", [Requirement("numpy>=99"), Requirement("no-such-package-of-lmdm"), Requirement("click")])
    assert finding.status == "optional"
    assert f"numpy is {metadata.version('numpy')}, needs >=99; no-such-package-of-lmdm is missing" in finding.found
    assert finding.fix is not None
    assert "[train]" in finding.fix
    assert packages.group(packages.RUNTIME, [Requirement("numpy>=99")]).status == "fault"


def test_the_export_extra_is_listed_without_the_project_itself() -> None:
    found = {finding.check: finding.details for finding in packages.extras()}
    assert found["packages: runtime"] is not None
    assert "torch" not in found["packages: runtime"]["versions"]
    assert found["packages: export"] is not None
    assert "lmdm" not in found["packages: export"]["versions"]


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ('{"url": "file:///a%20b/lmdm", "dir_info": {"editable": true}}', "pip install -e '/a b/lmdm[play]'"),
        ('{"url": "file:///a/lmdm", "dir_info": {}}', "pip install '/a/lmdm[play]'"),
        ("{}", "pip install 'lmdm[play]'"),
    ],
)
def test_the_fix_installs_from_where_lmdm_came(monkeypatch: pytest.MonkeyPatch, origin: str, command: str) -> None:
    monkeypatch.setattr(distribution, "_origin", lambda: json.loads(origin))
    assert distribution.install_command("play") == command


class FakeCuda:
    """libcuda of a machine with `status` from cuInit and one device."""

    def __init__(self, status: int) -> None:
        self.status = status

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDriverGetVersion(self, version: object) -> int:
        version._obj.value = 13010  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetCount(self, count: object) -> int:
        count._obj.value = 1  # type: ignore[attr-defined]
        return 0

    def cuDeviceGet(self, handle: object, index: int) -> int:
        return 0

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], length: int, handle: object) -> int:
        name.value = b"Test GPU"
        return 0

    def cuDeviceGetAttribute(self, value: object, attribute: int, handle: object) -> int:
        value._obj.value = {75: 8, 76: 9}[attribute]  # type: ignore[attr-defined]
        return 0


def test_a_driver_names_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: FakeCuda(0))
    monkeypatch.setattr(gpu, "installed", lambda name: "11.0")
    driver, *engines = gpu.findings()
    assert driver.found == "CUDA 13.1: Test GPU (compute capability 8.9)"
    assert [finding.found for finding in engines] == ["11.0", "11.0"]


def test_a_driver_without_a_device_asks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: FakeCuda(100))
    assert gpu.driver() == gpu.Driver("cuInit returned 100 (no device)")


def test_cores_are_limited_by_the_control_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_read", lambda path: "50000 100000" if path.endswith("cpu.max") else "")
    assert processor.usable_cores() == 0.5
    assert processor.threads().status == "optional"


def test_a_processor_without_avx2_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_read", lambda path: "model name\t: Old\nflags\t\t: fpu sse2\n")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert processor.features().status == "optional"
    assert "no AVX2" in processor.features().found


def test_huge_pages_that_are_not_given_are_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.sys, "platform", "linux")
    for size, status, said in ((0, "optional", "a tenth longer"), (2 << 20, "ok", "of 2 MiB")):
        monkeypatch.setattr(processor, "page_size", lambda size=size: size)
        finding = processor.huge_pages()
        assert finding.status == status
        assert said in finding.found
        assert (finding.fix is not None) == (size == 0)
    monkeypatch.setattr(processor.sys, "platform", "darwin")
    assert processor.huge_pages().status == "ok"


def test_a_missing_synthesiser_soundfont_or_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(sound, "SOUNDFONT_FOLDERS", (str(tmp_path),))
    found = [sound.fluidsynth(), sound.soundfont(), toolchain.cmake(), toolchain.compiler()]
    assert [finding.status for finding in found] == ["optional"] * 4
    assert [finding.fix for finding in found] == [
        "apt-get install fluidsynth",
        "apt-get install timgm6mb-soundfont",
        "apt-get install cmake",
        "apt-get install g++",
    ]
