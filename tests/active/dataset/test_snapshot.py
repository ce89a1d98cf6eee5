"""Files that hold the state, and what else may lie in their place."""

import json
import pickle
import random
import resource
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from baal.active.dataset.base import SplittedDataset
from baal.active.dataset.snapshot import VERSION, read_snapshot, write_snapshot
from baal.exceptions import InvalidArgumentError

STATE = {
    "version": VERSION,
    "labelled": np.array([0, 3, 0, 1], dtype=np.int32),
    "inner": {"deep": {"array": np.arange(3.0)}, "text": "é", "none": None},
    "list": [1, 2.5, {"a": 2**63}],
}


def test_round_trip(tmp_path):
    write_snapshot(tmp_path / "a", STATE)
    state = read_snapshot(str(tmp_path / "a"))
    assert state["labelled"].tolist() == [0, 3, 0, 1]
    assert state["labelled"].dtype == np.int32
    assert state["inner"]["deep"]["array"].tolist() == [0.0, 1.0, 2.0]
    assert {**state["inner"], "deep": 0} == {"deep": 0, "text": "é", "none": None}
    assert state["list"] == STATE["list"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_file_is_as_large_as_what_is_labelled(tmp_path):
    labelled = np.zeros(1_000_000, dtype=bool)
    labelled[:100] = True
    SplittedDataset(labelled, random_state=1).save(tmp_path / "a")
    assert (tmp_path / "a").stat().st_size < 20_000


def test_anything_else_in_its_place(tmp_path):
    path = tmp_path / "a"
    write_snapshot(path, STATE)
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    np.savez(tmp_path / "json.npz", header=np.frombuffer(b'{"state": 1}', dtype=np.uint8))
    other = b'{"format": "another", "state": {}}'
    np.savez(tmp_path / "format.npz", header=np.frombuffer(other, dtype=np.uint8))
    np.savez(tmp_path / "list.npz", header=np.frombuffer(b"[]", dtype=np.uint8))
    np.save(tmp_path / "plain.npy", np.ones(3))
    names = ("other.npz", "json.npz", "format.npz", "list.npz", "plain.npy")
    members = dict(np.load(path))
    for i, (key, value) in enumerate(
        [("labelled_indices", np.array([9])), ("labelled_steps", None), ("no.such", np.ones(1))]
    ):
        changed = {k: v for k, v in {**members, key: value}.items() if v is not None}
        np.savez(tmp_path / f"{i}.npz", **changed)
    names += ("0.npz", "1.npz", "2.npz")
    others = [(tmp_path / name).read_bytes() for name in names]
    cut = [whole[: len(whole) * part // 5] for part in range(5)]
    for content in [*cut, *others, b"text", pickle.dumps({"state": 1})]:
        path.write_bytes(content)
        with pytest.raises(InvalidArgumentError, match="a snapshot that `save` wrote, but got"):
            read_snapshot(path)


def test_damage_is_noticed_wherever_it_matters(tmp_path):
    path = tmp_path / "a"
    write_snapshot(path, STATE)
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            state = read_snapshot(path)
        except InvalidArgumentError:
            refused += 1
        else:  # a time stamp, say
            assert repr(sorted(state.items())) == repr(sorted(STATE.items()))
    assert refused > len(whole) / 2


def test_no_pickle_is_ever_loaded(tmp_path):
    path = tmp_path / "a"
    np.savez(tmp_path / "a.npz", header=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "a.npz").rename(path)
    with pytest.raises(InvalidArgumentError, match="which is none or is damaged"):
        read_snapshot(path)


def test_a_newer_version(tmp_path):
    write_snapshot(tmp_path / "a", {**STATE, "version": VERSION + 1})
    with pytest.raises(InvalidArgumentError, match="a newer version of baal saved it"):
        read_snapshot(tmp_path / "a")
    split = SplittedDataset([0, 1])
    with pytest.raises(InvalidArgumentError, match=f"version {VERSION + 1} in `state_dict`"):
        split.load_state_dict({**split.state_dict(), "version": VERSION + 1})


def test_the_format_of_version_1(tmp_path):
    # Files of today are read for good: this spells one out, without the writer.
    header = {"format": "baal dataset snapshot", "n_items": 3, "state": {"version": 1, "x": {}}}
    members = {
        "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        "labelled_indices": np.array([2], dtype=np.int32),
        "labelled_steps": np.array([5], dtype=np.int32),
        "x.y": np.ones(1),
    }
    np.savez(tmp_path / "a.npz", **members)
    state = read_snapshot(tmp_path / "a.npz")
    assert state["labelled"].tolist() == [0, 0, 5]
    assert state["x"]["y"].tolist() == [1.0]
    write_snapshot(tmp_path / "b.npz", state)
    with zipfile.ZipFile(tmp_path / "b.npz") as file:
        assert sorted(file.namelist()) == sorted(f"{name}.npy" for name in members)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        SplittedDataset([0]).load(tmp_path / "none")


# --- Crashes ------------------------------------------------------------------------------------

# Labels, saves, and says so; each state is told from the others by its step.
SAVER = """
import sys, numpy as np
from baal.active.dataset import SplittedDataset
split = SplittedDataset(np.zeros(200_000, bool), random_state=0, validation_split=0.1)
while True:
    split.label_randomly(40)
    split.save(sys.argv[1])
    print(split.current_al_step, flush=True)
"""


def killed_saves(folder, times):
    """Start a process that saves over and over, kill it anywhere, and look at what it left."""
    path = folder / "snapshot"
    rng = random.Random(times)
    for _ in range(times):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        acknowledged = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split("\n")[:-1]  # a line that was cut counts for nothing
        acknowledged = int(rest[-1]) if rest else acknowledged
        split = SplittedDataset(np.zeros(200_000, bool))
        split.load(path)
        # The last one that was acknowledged, or the one after it, whole.
        assert split.current_al_step in {acknowledged, acknowledged + 1}
        assert split.n_labelled == 40 * split.current_al_step
        assert abs(split.n_validation - 0.1 * split.n_labelled) < 1


def test_a_save_that_is_killed(tmp_path):
    killed_saves(tmp_path, 3)


@pytest.mark.soak
def test_many_saves_that_are_killed(tmp_path):
    killed_saves(tmp_path, 300)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="limits of POSIX")
def test_a_full_disk(tmp_path):
    code = """
import resource, sys, numpy as np
from baal.active.dataset import SplittedDataset
split = SplittedDataset([0] * 50_000)
split.label(0)
split.save(sys.argv[1])
split.label_randomly(49_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    split.save(sys.argv[1])
except OSError as error:
    print(type(error).__name__)
"""
    path = tmp_path / "snapshot"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "OSError"
    assert [one.name for one in tmp_path.iterdir()] == ["snapshot"]
    split = SplittedDataset([0] * 50_000)
    split.load(path)
    assert split.get_indices_for_active_step() == [0]
