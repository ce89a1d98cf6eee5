import errno
import json

import pytest
import torch

from baal.exceptions import InvalidArgumentError, StateError
from baal.experiments.checkpoint import RunFolder

ASKED = {"query_size": 10, "nested": {"a": [1, 2]}}


def begun(path, rounds=2):
    folder = RunFolder(path, ASKED)
    folder.begin({"w": torch.ones(2)}, {"round": 0})
    for number in range(rounds):
        folder.append({"round": number, "text": "é\n"}, {"round": number + 1})
    return folder


def test_what_is_written_is_read(tmp_path):
    begun(tmp_path / "a" / "b")
    folder = RunFolder(tmp_path / "a" / "b", ASKED)
    assert folder.has_begun
    assert folder.read() == ({"round": 2}, [{"round": n, "text": "é\n"} for n in (0, 1)])
    assert torch.equal(folder.read_initial()["w"], torch.ones(2))


def test_every_prefix_of_a_line_too_many_is_cut_off(tmp_path):
    path = tmp_path / "records.jsonl"
    begun(tmp_path)
    whole, line = path.read_bytes(), json.dumps({"round": 2}).encode() + b"\n"
    for n in range(len(line) + 1):
        path.write_bytes(whole + line[:n])
        folder = RunFolder(tmp_path, ASKED)
        assert folder.read()[0] == {"round": 2}
        assert path.read_bytes() == whole
        assert len(folder.read()[1]) == 2
    folder.append({"round": 2}, {"round": 3})
    assert [row["round"] for row in RunFolder(tmp_path, ASKED).read()[1]] == [0, 1, 2]


def test_before_the_first_checkpoint_all_starts_anew(tmp_path):
    begun(tmp_path, rounds=0)
    (tmp_path / "checkpoint.pt").unlink()
    (tmp_path / ".initial.pt.0badcafe.tmp").write_bytes(b"half")
    folder = RunFolder(tmp_path, ASKED)
    assert not folder.has_begun
    folder.begin({}, {"round": 0})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "checkpoint.pt", "experiment.json", "initial.pt",
    ]  # fmt: skip
    assert folder.read() == ({"round": 0}, [])


def test_another_configuration(tmp_path):
    begun(tmp_path)
    with pytest.raises(StateError, match=r"query_size: 10 before, 11 now\n  z: nothing before, 1"):
        RunFolder(tmp_path, {**ASKED, "query_size": 11, "z": 1})


def test_folders_of_something_else(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="to be a folder, but got the file"):
        RunFolder(tmp_path / "file", ASKED)
    (tmp_path / "records.jsonl").write_text("{}\n")
    with pytest.raises(StateError, match=r"and no experiment\.json: choose another folder"):
        RunFolder(tmp_path, ASKED)


def test_records_without_their_checkpoint(tmp_path):
    begun(tmp_path)
    (tmp_path / "checkpoint.pt").unlink()
    before = (tmp_path / "records.jsonl").read_bytes()
    with pytest.raises(StateError, match=r"a checkpoint and no checkpoint\.pt"):
        RunFolder(tmp_path, ASKED)
    assert (tmp_path / "records.jsonl").read_bytes() == before


def test_one_at_a_time(tmp_path):
    first, second = RunFolder(tmp_path / "run", ASKED), RunFolder(tmp_path / "run", ASKED)
    with (
        first.at_work(),
        pytest.raises(StateError, match="that this process holds"),
        second.at_work(),
    ):
        raise AssertionError
    with second.at_work():
        assert (tmp_path / "run" / "lock").exists()


def test_a_run_that_began_since_the_folder_was_looked_at(tmp_path):
    late = RunFolder(tmp_path, {"query_size": 11})
    begun(tmp_path)
    with pytest.raises(StateError, match="query_size: 10 before, 11 now"), late.at_work():
        raise AssertionError
    with RunFolder(tmp_path, ASKED).at_work():  # the lock is free again
        pass


def test_a_disk_that_is_full_leaves_the_round_before(tmp_path, monkeypatch):
    folder = begun(tmp_path)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("os.fsync", "torch.save"):  # while the record is written, and the checkpoint
        with monkeypatch.context() as patch:
            patch.setattr(name, full)
            with pytest.raises(OSError, match="No space left"):
                folder.append({"round": 2}, {"round": 3})
        state, records = folder.read()
        assert (state, len(records)) == ({"round": 2}, 2)
    folder.append({"round": 2}, {"round": 3})
    assert [row["round"] for row in RunFolder(tmp_path, ASKED).read()[1]] == [0, 1, 2]
    assert not list(tmp_path.glob(".*"))


def test_damage(tmp_path):
    begun(tmp_path)
    (tmp_path / "records.jsonl").write_text('{"round": 0}\n')
    with pytest.raises(StateError, match=r"to have the records that checkpoint\.pt counts"):
        RunFolder(tmp_path, ASKED).read()
    torch.save({"version": 99}, tmp_path / "checkpoint.pt")
    with pytest.raises(InvalidArgumentError, match="version 1 or older, but got version 99"):
        RunFolder(tmp_path, ASKED).read()
