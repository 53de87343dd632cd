"""What a run was made with: the versions, and the catalog's folder in git; and its log."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labtui.launch import log as log_module
from labtui.launch import provenance
from labtui.launch.log import CappedLog, open_log
from labtui.launch.provenance import commit_of, versions


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "a repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "experiments.toml").write_text("title = 1\n")
    (folder / ".env").write_text("TOKEN=before\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def test_a_clean_folder_is_its_commit(repository: Path) -> None:
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD"), "")


def test_changes_of_tracked_files_are_recorded_and_untracked_files_never_read(repository: Path) -> None:
    (repository / "experiments.toml").write_text("title = 2\n")
    (repository / "secrets.txt").write_text("hunter2\n")

    name, diff = commit_of(repository)

    assert name == git(repository, "rev-parse", "HEAD") + "-dirty"
    assert "+title = 2" in diff
    assert "hunter2" not in diff


def test_a_tracked_file_that_usually_contains_secrets_is_not_copied(repository: Path) -> None:
    (repository / ".env").write_text("TOKEN=hunter2\n")
    (repository / "experiments.toml").write_text("title = 2\n")
    assert "hunter2" not in commit_of(repository).diff


def test_a_long_diff_is_truncated(repository: Path) -> None:
    (repository / "experiments.toml").write_text("x\n" * (1 << 20))
    diff = commit_of(repository).diff
    assert provenance.MAX_DIFF_BYTES < len(diff) < provenance.MAX_DIFF_BYTES + 100
    assert diff.endswith("bytes]\n")


def test_a_git_that_hangs_or_is_missing_leaves_the_commit_unknown_and_does_not_delay_a_start(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert commit_of(repository) == ("unknown", "")

    (programs / "git").write_text(f"#!{sys.executable} -IS\nimport time\ntime.sleep(600)\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setattr(provenance, "GIT_TIMEOUT", 0.1)
    assert commit_of(repository) == ("unknown", "")


def test_a_repository_named_by_the_environment_is_ignored(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert commit_of(elsewhere) == commit_of(tmp_path / "gone") == commit_of(None) == (None, "")


def test_a_program_configured_by_the_repository_is_not_run(repository: Path, tmp_path: Path) -> None:
    marker, program = tmp_path / "marker", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager", "diff.toml.textconv"):
        git(repository, "config", key, str(program))
    (repository / ".git" / "info" / "attributes").write_text("*.toml diff=toml\n")
    (repository / "experiments.toml").write_text("title = 2\n")

    assert "+title = 2" in commit_of(repository).diff

    assert not marker.exists()


def leaves_a_marker(folder: Path) -> Path:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\ntouch '{folder / 'marker'}'\nexec cat\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def filtered(repository: Path, tmp_path: Path) -> Path:
    """A repository that stores a file through a filter, whose program leaves `tmp_path / "marker"` behind."""
    program = leaves_a_marker(tmp_path)
    (repository / "weights.bin").write_text("large\n")
    (repository / ".gitattributes").write_text("*.bin filter=large.files\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")
    for key in ("clean", "smudge", "process"):
        git(repository, "config", f"filter.large.files.{key}", str(program))
    git(repository, "config", "filter.large.files.required", "true")
    return repository


def test_a_filter_is_not_run_and_a_file_behind_it_that_may_have_changed_is_unknown(
    filtered: Path, tmp_path: Path
) -> None:
    commit = git(filtered, "rev-parse", "HEAD")
    assert commit_of(filtered) == (commit, "")
    (filtered / "weights.bin").write_text("other\n")
    assert commit_of(filtered) == (f"{commit}-unknown", "")
    (filtered / "experiments.toml").write_text("title = 2\n")
    name, diff = commit_of(filtered)
    assert name == f"{commit}-dirty"
    assert "+title = 2" in diff
    assert not (tmp_path / "marker").exists()


def test_no_filter_hook_or_program_of_a_submodule_is_run(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "file").write_text("1\n")
    (inner / ".gitattributes").write_text("file filter=inner\n")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "inner")
    git(repository, "commit", "-qam", "with a submodule")
    git(repository / "inner", "config", "filter.inner.clean", str(leaves_a_marker(tmp_path)))
    (repository / "inner" / "file").write_text("2\n")
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD"), "")
    assert not (tmp_path / "marker").exists()


def test_a_change_that_is_not_shown_makes_the_folder_dirty_too(repository: Path) -> None:
    (repository / ".env").write_text("TOKEN=after\n")
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD") + "-dirty", "")


def test_an_untracked_catalog_is_not_a_clean_commit(repository: Path) -> None:
    (repository / "mine.toml").write_text("title = 3\n")
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD") + "-dirty", "")


def test_a_comparison_that_takes_too_long_is_unknown_and_not_clean(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("git")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").write_text(f'#!/bin/sh\ncase "$*" in *diff*) exec sleep 600;; esac\nexec \'{real}\' "$@"\n')
    (programs / "git").chmod(0o755)
    (repository / "experiments.toml").write_text("title = 2\n")
    commit = git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(provenance, "GIT_TIMEOUT", 1.0)
    assert commit_of(repository) == (f"{commit}-unknown", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_is_unknown(repository: Path) -> None:
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)
    assert commit_of(repository) == ("unknown", "")


def test_a_repository_without_a_commit_is_unknown(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) == ("unknown", "")


def test_versions_name_labtui_python_and_torch() -> None:
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"labtui", "torch", "numpy"} <= found.keys()


def test_a_writer_that_has_a_truncated_log_open_continues_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    writer = open_log(path)
    log = CappedLog(path, max_bytes=1000, tail_bytes=100)
    os.write(writer, b"".join(b"line %03d\n" % number for number in range(200)))

    log.check()
    os.write(writer, b"after\n")

    lines = path.read_text().splitlines()
    assert lines[0] == "[labtui: 1,701 bytes were removed here]"
    assert lines[1:3] == ["line 189", "line 190"]
    assert lines[-2:] == ["line 199", "after"]
    os.close(writer)


def test_what_is_written_during_a_truncation_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.txt"
    writer = open_log(path)
    os.write(writer, b"a line of the log\n" * 200)
    late = [b"written during the cut\n", b"the last line\n"]
    real = log_module.write_all

    def write_all(descriptor: int, content: bytes) -> None:
        real(descriptor, content)
        if late:
            os.write(writer, late.pop(0))

    monkeypatch.setattr(log_module, "write_all", write_all)
    CappedLog(path, max_bytes=1000, tail_bytes=100).check()

    assert path.read_bytes().endswith(b"a line of the log\nwritten during the cut\nthe last line\n")
    assert path.stat().st_size < 300
    os.close(writer)


def test_a_missing_log_is_no_error_and_is_not_created_again(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "gone.txt")
    log.check()
    assert log.pause > 0
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_grows_fast_is_checked_more_often(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    log = CappedLog(path, max_bytes=10_000)
    path.write_bytes(b"x")
    log.check()
    calm = log.pause
    path.write_bytes(b"x" * 9_999)
    log.check()
    assert log.pause < calm
