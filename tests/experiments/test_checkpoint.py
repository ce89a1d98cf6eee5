import errno
import io
import json
import shutil
from contextlib import contextmanager

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


def test_torch_does_not_cover_that_the_disk_is_full(tmp_path, monkeypatch):
    folder = begun(tmp_path)

    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def on_a_full_disk(path):
        with Full(tmp_path / "beside", "w") as file:
            yield file

    monkeypatch.setattr("baal.experiments.checkpoint.replacing", on_a_full_disk)
    with pytest.raises(OSError, match="No space left on device"):  # and no RuntimeError of torch's
        folder.append({"round": 2}, {"round": 3})


PARTS = ["checkpoint.pt", "initial.pt", "experiment.json"]


@pytest.mark.parametrize("name", [*PARTS, "records.jsonl"])
def test_damage_is_an_error_of_ours_that_names_the_file(tmp_path, name):
    begun(tmp_path)
    path, whole = tmp_path / name, (tmp_path / name).read_bytes()
    half = len(whole) // 2
    for damaged in (b"", b"[]", whole[:half], whole[:-1], bytes(range(256)) * 9):
        path.write_bytes(damaged)
        with pytest.raises(StateError, match=f"{name} to (be as this run wrote it|have the rec)"):
            _read(tmp_path)


@pytest.mark.parametrize("name", ["checkpoint.pt", "initial.pt", "records.jsonl"])
def test_a_bit_that_flipped_is_noticed_or_means_nothing(tmp_path, name):
    begun(tmp_path)
    path, whole = tmp_path / name, (tmp_path / name).read_bytes()
    expected = _read(tmp_path)
    noticed = 0
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            assert _read(tmp_path) == expected
        except StateError:
            noticed += 1
    assert noticed >= (30 if name == "records.jsonl" else 1)


def _read(path):
    folder = RunFolder(path, ASKED)
    return *folder.read(), folder.read_initial()["w"].tolist()


@pytest.mark.parametrize("name", ["checkpoint.pt", "initial.pt", "records.jsonl"])
def test_files_of_two_runs(tmp_path, name):
    begun(tmp_path / "a")
    other = RunFolder(tmp_path / "b", ASKED)
    other.begin({"w": torch.zeros(2)}, {"round": 0})
    for number in range(2):
        other.append({"round": number, "text": "e\t\n"}, {"round": number + 1})
    shutil.copy(tmp_path / "b" / name, tmp_path / "a" / name)
    with pytest.raises(StateError, match=r"of another run|but got others, or fewer"):
        _read(tmp_path / "a")


def test_an_initial_state_that_is_missing(tmp_path):
    begun(tmp_path)
    (tmp_path / "initial.pt").unlink()
    with pytest.raises(StateError, match=r"a checkpoint and no initial\.pt"):
        RunFolder(tmp_path, ASKED)


def test_a_folder_of_the_first_version_goes_on(tmp_path):
    begun(tmp_path)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    old = {key: content[key] for key in ("n_bytes", "state")} | {"version": 1}
    torch.save(old, tmp_path / "checkpoint.pt")
    asked = {"version": 1, "configuration": {**ASKED, "model": {"layers": []}}}
    (tmp_path / "experiment.json").write_text(json.dumps(asked))
    folder = RunFolder(tmp_path, {**ASKED, "model": {"layers": [], "classes": {"0": "Linear"}}})
    assert folder.read()[0] == {"round": 2}
    folder.append({"round": 2}, {"round": 3})
    assert len(folder.read()[1]) == 3
    with pytest.raises(StateError, match="model: "):
        RunFolder(tmp_path, ASKED)


def test_damage(tmp_path):
    begun(tmp_path)
    (tmp_path / "records.jsonl").write_text('{"round": 0}\n')
    with pytest.raises(StateError, match=r"to have the records that checkpoint\.pt counts"):
        RunFolder(tmp_path, ASKED).read()
    torch.save({"version": 99}, tmp_path / "checkpoint.pt")
    with pytest.raises(InvalidArgumentError, match="version 2 or older, but got version 99"):
        RunFolder(tmp_path, ASKED).read()
