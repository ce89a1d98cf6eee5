import pytest

from baal.exceptions import StateError
from baal.experiments.records import append_record, prepare_folder, read_records, write_records


def test_records_come_back_in_order(tmp_path):
    path = prepare_folder(tmp_path / "a" / "b")
    rows = [{"round": i, "metrics": {"error": 0.1 * i}, "chosen": [i]} for i in range(3)]
    for row in rows:
        append_record(path, row)
    assert read_records(path) == rows


def test_records_written_together_take_the_place_of_others(tmp_path):
    path = tmp_path / "results.jsonl"
    rows = [{"round": i, "error": 0.1 * i, "nothing": None} for i in range(3)]
    for written in (rows, rows[:1], []):
        write_records(path, iter(written))
        assert read_records(path) == written
    assert [found.name for found in tmp_path.iterdir()] == ["results.jsonl"]


@pytest.mark.parametrize(("value", "error"), [({1}, TypeError), (float("nan"), ValueError)])
def test_records_that_cannot_be_written_leave_the_file_as_it_was(tmp_path, value, error):
    path = tmp_path / "results.jsonl"
    write_records(path, [{"round": 0}])
    with pytest.raises(error):
        write_records(path, [{"round": 1}, {"round": value}])
    assert read_records(path) == [{"round": 0}]
    assert [found.name for found in tmp_path.iterdir()] == ["results.jsonl"]


def test_a_folder_with_another_run_is_refused_and_left_alone(tmp_path):
    path = prepare_folder(tmp_path)
    append_record(path, {"round": 0})
    with pytest.raises(StateError, match=r"holds another run \(results.jsonl\).*--overwrite"):
        prepare_folder(tmp_path)
    assert read_records(path) == [{"round": 0}]


def test_overwriting_removes_the_results_and_nothing_else(tmp_path):
    append_record(prepare_folder(tmp_path), {"round": 0})
    (tmp_path / "plot.png").write_bytes(b"old")
    (tmp_path / "notes.txt").write_text("mine")
    path = prepare_folder(tmp_path, overwrite=True, results=["plot.png"])
    assert not path.exists()
    assert not (tmp_path / "plot.png").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_plot_alone_is_another_run_too(tmp_path):
    (tmp_path / "plot.png").write_bytes(b"old")
    with pytest.raises(StateError, match=r"plot\.png"):
        prepare_folder(tmp_path, results=["plot.png"])


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StateError, match="to be a folder, but got the file"):
        prepare_folder(tmp_path / "out")


def test_values_that_json_lacks_are_refused_before_writing(tmp_path):
    path = prepare_folder(tmp_path)
    with pytest.raises(TypeError):
        append_record(path, {"a": {1, 2}})
    assert not path.exists()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused_before_writing(tmp_path, number):
    path = prepare_folder(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_record(path, {"metrics": {"loss": number}})
    assert not path.exists()


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"that can be written, but got .*out: Not a directory"):
        prepare_folder(tmp_path / "file" / "out")


def test_results_that_are_a_folder(tmp_path):
    (tmp_path / "results.jsonl").mkdir()
    (tmp_path / "plot.png").write_bytes(b"old")
    with pytest.raises(StateError, match=r"that can be written, .*: results.jsonl is a folder"):
        prepare_folder(tmp_path, overwrite=True, results=["plot.png"])
    assert (tmp_path / "plot.png").exists()


def test_an_unwritable_folder_keeps_its_results(tmp_path, monkeypatch):
    append_record(prepare_folder(tmp_path), {"round": 0})

    def refuse(dir):  # noqa: A002
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(StateError, match=r"that can be written, but got .*: Permission denied"):
        prepare_folder(tmp_path, overwrite=True)
    assert read_records(tmp_path / "results.jsonl") == [{"round": 0}]
