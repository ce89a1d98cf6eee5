"""Files that are whole or not there."""

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from baal.utils.files import replacing

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_the_new_content_takes_the_place(tmp_path):
    target = tmp_path / "a"
    for content in (b"one", b"two"):
        with replacing(str(target)) as file:
            file.write(content)
            assert target.exists() is (content == b"two")
        assert target.read_bytes() == content
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "disk full"), KeyboardInterrupt()])
def test_after_an_error_the_old_file_is_there_alone(tmp_path, error):
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(type(error)), replacing(target) as file:
        file.write(b"new")
        raise error
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_the_disk_refuses_at_the_end(tmp_path, monkeypatch, call):
    def refuse(*args):
        raise OSError(errno.EIO, "no")

    target = tmp_path / "a"
    target.write_bytes(b"old")
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(OSError, match="no"), replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    replace, fsync = Path.replace, os.fsync
    monkeypatch.setattr(Path, "replace", lambda *a: calls.append("rename") or replace(*a))
    monkeypatch.setattr(os, "fsync", lambda *a: calls.append("sync") or fsync(*a))
    with replacing(tmp_path / "a") as file:
        file.write(b"x")
    assert calls == ["sync", "rename", "sync"][: 2 + hasattr(os, "O_DIRECTORY")]


def test_where_folders_cannot_be_synced(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_DIRECTORY", raising=False)
    with replacing(tmp_path / "a") as file:
        file.write(b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "a"):
        pass


@posix
def test_modes_and_links_are_kept(tmp_path):
    target, link = tmp_path / "a", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_what_is_no_file_stays_what_it_is(tmp_path):
    """Whoever may write /dev/null must not replace it."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, error in (("folder", IsADirectoryError), ("pipe", OSError)):
        message = f"`path` to be a file.*{name}"
        with pytest.raises(error, match=message), replacing(tmp_path / name):
            pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["folder", "pipe"]


@contextlib.contextmanager
def nobody():
    """Not root, for whom no folder is unwritable."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@posix
def test_an_unwritable_folder():
    # Not in `tmp_path`, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "a")
        target.write_bytes(b"old")
        Path(folder).chmod(0o555)
        with nobody(), pytest.raises(PermissionError), replacing(target):
            pass
        Path(folder).chmod(0o755)
        assert target.read_bytes() == b"old"
        assert names(folder) == ["a"]
