"""A bundle's folder appears whole or not at all, and nothing that is not a bundle is ever replaced."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmdm_export.errors import ExportError
from lmdm_export.staging import is_bundle, staged_folder


def old_bundle(folder: Path) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text('{"format_version": 1}')
    (folder / "old").touch()
    return folder


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_appears_at_the_end_with_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    with staged_folder(target) as folder:
        (folder / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert left_behind(target.parent) == ["bundle"]
    plain = tmp_path / "plain"
    plain.mkdir()
    assert target.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("broken"), ExportError("no")])
def test_failure_leaves_nothing_and_keeps_the_old_bundle(tmp_path: Path, failure: BaseException) -> None:
    target = old_bundle(tmp_path / "bundle")

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise failure

    with pytest.raises(type(failure)), staged_folder(target, force=True) as folder:
        fail(folder)
    assert left_behind(tmp_path) == ["bundle"]
    assert left_behind(target) == ["manifest.json", "old"]


def writing(folder: Path) -> subprocess.Popen[str]:
    """A process of its own that stays in a staged folder: a signal here must not reach what else runs in the process of the tests."""
    script = (
        "import pathlib, signal, sys, time\n"
        "from lmdm_export.staging import staged_folder\n"
        "before = signal.getsignal(signal.SIGTERM)\n"
        "try:\n"
        "    with staged_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "        (folder / 'half').touch()\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "finally:\n"
        "    print('given back' if signal.getsignal(signal.SIGTERM) is before else 'kept', flush=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(("number", "status", "last"), [(signal.SIGTERM, 143, "given back"), (signal.SIGKILL, -signal.SIGKILL, "")])
def test_termination_leaves_nothing_and_gives_the_signal_back(tmp_path: Path, number: int, status: int, last: str) -> None:
    """The control: what is killed cannot clean up, so its half-written folder is seen."""
    with writing(tmp_path / "bundle") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        process.send_signal(number)
        assert process.stdout.read().strip() == last
    assert process.returncode == status
    assert (left_behind(tmp_path) == []) == (number == signal.SIGTERM)
    assert not (tmp_path / "bundle").exists()


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no space left on device.*nothing was left behind"), staged_folder(tmp_path / "bundle"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert left_behind(tmp_path) == []


def test_other_operating_system_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), staged_folder(tmp_path / "bundle"):
        (tmp_path / "absent").read_bytes()


def test_bundle_is_replaced_whole_when_forced(tmp_path: Path) -> None:
    target = old_bundle(tmp_path / "bundle")
    with staged_folder(target, force=True) as folder:
        (folder / "new").touch()
    assert left_behind(target) == ["new"]
    assert left_behind(tmp_path) == ["bundle"]


def test_old_bundle_comes_back_when_the_swap_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    target = old_bundle(tmp_path / "bundle")
    real, calls = os.replace, []

    def failing(source: Path, to: Path) -> None:
        calls.append(to)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, to)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(ExportError, match="no space"), staged_folder(target, force=True) as folder:
        (folder / "new").touch()
    assert left_behind(target) == ["manifest.json", "old"]
    assert left_behind(tmp_path) == ["bundle"]


def test_existing_bundle_needs_force(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"is a bundle already.*--force"), staged_folder(old_bundle(tmp_path / "bundle")):
        raise AssertionError("must not be entered")


@pytest.mark.parametrize("manifest", [None, "not json", "[]", '{"name": "other"}'])
def test_folder_that_is_no_bundle_is_refused_even_when_forced(tmp_path: Path, manifest: str | None) -> None:
    target = tmp_path / "music"
    target.mkdir()
    (target / "song.wav").touch()
    if manifest is not None:
        (target / "manifest.json").write_text(manifest)
    assert not is_bundle(target)
    with pytest.raises(ExportError, match="is not a bundle"), staged_folder(target, force=True):
        raise AssertionError("must not be entered")
    assert (target / "song.wav").exists()


def test_file_and_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(old_bundle(tmp_path / "bundle"))
    for name in ("file", "link"):
        with pytest.raises(ExportError, match="is not a folder"), staged_folder(tmp_path / name, force=True):
            raise AssertionError("must not be entered")


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with staged_folder(tmp_path / "bundle") as folder:
        (folder / "new").touch()
    assert left_behind(tmp_path / "bundle") == ["new"]


def test_parent_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="cannot be written to"), staged_folder(tmp_path / "file" / "bundle"):
        raise AssertionError("must not be entered")
