"""The bytes of IDX files, written by hand: `struct` and `gzip` are the oracle."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from baal.exceptions import InvalidArgumentError, UnreadableFileError
from baal.experiments.datasets.idx import read_idx, write_idx

SIX = struct.pack(">BBBBII", 0, 0, 8, 2, 2, 3) + bytes([0, 1, 127, 128, 254, 255])


@pytest.mark.parametrize("content", [SIX, gzip.compress(SIX)])
def test_reads_bytes_and_their_shape(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    for shape in ((None, 3), (2, 3), [None, None]):
        values = read_idx(tmp_path / "file", shape)
        assert values.dtype == np.uint8
        assert values.tolist() == [[0, 1, 127], [128, 254, 255]]


@pytest.mark.parametrize(
    ("content", "shape", "message"),
    [
        (b"", (None, 3), "begins with 00000802 and 2 sizes, but got nothing"),
        (b"P5 2 3 255", (None, 3), "begins with 00000802 and 2 sizes, but got 50352032"),
        (SIX[:9], (None, 3), "2 sizes, but got 0000080200000002"),
        (SIX, (None,), "begins with 00000801"),
        (b"\0\0\x0d" + SIX[3:], (None, 3), "but got 00000d02"),
        (SIX, (None, 4), r"of shape \[2, 4\], but got \[2, 3\]"),
        (SIX[:-1], (None, 3), r"hold \[2, 3\] values, but got 5 bytes"),
        (SIX + b"\0", (None, 3), r"hold \[2, 3\] values, but got 7 bytes"),
        (SIX[:4] + b"\xff" * 8, (None, None), "but got 0 bytes"),
        (gzip.compress(SIX)[:-9], (None, 3), "cannot be read"),
        (gzip.compress(SIX)[:12] + b"\xff" * 20, (None, 3), "cannot be read"),
        (b"\x1f\x8b\x08", (None, 3), "cannot be read"),
    ],
)
def test_broken_files_are_named(tmp_path, content, shape, message):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=f"Expected .*broken to .*{message}"):
        read_idx(path, shape)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"nothing here.*cannot be read"):
        read_idx(tmp_path / "nothing here", (None,))


@given(
    values=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, min_side=0)), compress=st.booleans()
)
def test_what_is_written_is_read_again(tmp_path_factory, values, compress):
    path = tmp_path_factory.mktemp("idx") / ("values.gz" if compress else "values")
    write_idx(path, values)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == compress
    read = read_idx(path, values.shape)
    assert read.shape == values.shape
    assert np.array_equal(read, values)


@pytest.mark.parametrize("values", [3, [0.5], [-1], [256], ["a"]])
def test_values_that_are_no_bytes(tmp_path, values):
    with pytest.raises(InvalidArgumentError, match=r"Expected `values` to be .*from 0 to 255"):
        write_idx(tmp_path / "file", values)
    assert not (tmp_path / "file").exists()
