"""IDX files, the format that MNIST was published in: bytes with their shape before them."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, UnreadableFileError

__all__ = ["read_idx", "write_idx"]

UNSIGNED_BYTE = 0x08
GZIP = b"\x1f\x8b"


def read_idx(path: str | Path, shape: Sequence[int | None]) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    It begins with two zero bytes, the type 8 and the number of dimensions, then has each dimension
    as four bytes, big end first, then the values (https://yann.lecun.com/exdb/mnist).

    Args:
        path: The file, plain or compressed by gzip, which its first bytes tell.
        shape: What its dimensions must be; None: any number.

    Returns:
        The values, in the shape of the file; read-only.

    Raises:
        UnreadableFileError: The file is missing, compressed badly, of another type or shape, or
            has more or fewer values than its shape says.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_idx(f"{folder}/labels", [3, 1, 2])
        ...     read_idx(f"{folder}/labels", (None,))
        array([3, 1, 2], dtype=uint8)
    """
    try:
        content = Path(path).read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(
            f"Expected {path} to be an IDX file, but it cannot be read: {error}"
        ) from error
    header = 4 + 4 * len(shape)
    magic = bytes([0, 0, UNSIGNED_BYTE, len(shape)])
    if content[:4] != magic or len(content) < header:
        raise UnreadableFileError(
            f"Expected {path} to be an IDX file that begins with {magic.hex()} and "
            f"{len(shape)} sizes, but got {content[:header].hex() or 'nothing'}."
        )
    found = tuple(np.frombuffer(content[4:header], dtype=">u4").tolist())
    wanted = tuple(
        size if fixed is None else fixed for size, fixed in zip(found, shape, strict=True)
    )
    if found != wanted:
        raise UnreadableFileError(
            f"Expected {path} to be of shape {list(wanted)}, but got {list(found)}."
        )
    values = np.frombuffer(content, dtype=np.uint8, offset=header)
    if len(values) != np.prod(found, dtype=object):  # Python's integers: a broken size is huge
        raise UnreadableFileError(
            f"Expected {path} to hold {list(found)} values, but got {len(values)} bytes of them."
        )
    return values.reshape(found)


def write_idx(path: str | Path, values: npt.ArrayLike) -> None:
    """Write unsigned bytes as an IDX file, so that small ones can be made.

    Args:
        path: The file; one that ends in `.gz` is compressed.
        values: Whole numbers from 0 to 255, of any shape with 1 to 255 dimensions.

    Raises:
        InvalidArgumentError: `values` are something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_idx(f"{folder}/labels", [3, 1, 2])
        ...     Path(folder, "labels").read_bytes().hex(" ", -4)
        '00000801 00000003 030102'
    """
    array = np.asarray(values)
    inside = array.dtype.kind in "iu" and array.ndim and ((array >= 0) & (array <= 255)).all()
    if not inside:
        raise InvalidArgumentError(
            "Expected `values` to be an array of whole numbers from 0 to 255, but got "
            f"{array.dtype} of shape {list(array.shape)}."
        )
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    content = bytes([0, 0, UNSIGNED_BYTE, array.ndim]) + sizes + array.astype(np.uint8).tobytes()
    Path(path).write_bytes(gzip.compress(content) if str(path).endswith(".gz") else content)
