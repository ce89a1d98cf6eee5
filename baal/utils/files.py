"""Files that are written whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file beside its target, and put it in the target's place once it is complete.

    Whatever happens, an error, a kill or a power cut, the target is the old file or the new one,
    never a part. The content reaches the disk before the name does, and the name before this
    returns. A kill leaves the unfinished file behind, `.<name>.<letters>.tmp` in the same folder.

    Args:
        path: The target, a file or not there yet. Its folder exists; a symbolic link is followed;
            the mode of an existing file is kept.

    Yields:
        A binary file, open for writing.

    Raises:
        OSError: The target is a folder or a device, its folder is missing or cannot be written
            to, the disk is full, and the like. The target is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder, "notes.txt")
        ...     with replacing(target) as file:
        ...         _ = file.write(b"whole")
        ...     target.read_bytes(), len(list(Path(folder).iterdir()))
        (b'whole', 1)
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        # Of a device a rename would leave a file: whoever may write /dev/null could replace it.
        code = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(code, "Expected `path` to be a file, but got something else", str(target))
    # Random: two processes that save to one target must not write into one file.
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Have the rename itself reach the disk; Windows has no way to ask for it, and no need."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
