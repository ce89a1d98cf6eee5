"""Random numbers that depend on their key and on nothing else: no state, no order of drawing.

Philox (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405) turns a key and a counter into
random bits. The counter's last word is the number of the posterior sample, so that samples never
share a number, and shorter draws are the beginning of longer ones.
"""

from collections import OrderedDict
from threading import Lock
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["keep_mask", "keyed_generator"]

# Which call of a layer no mask is drawn for.
NO_CALL = 2**32 - 1

_Key: TypeAlias = tuple[int, int, int, int, float, int]


def keep_mask(
    seed: int, layer: int, call: int, sample: int, p: float, size: int
) -> npt.NDArray[np.bool_]:
    """Which elements a posterior sample keeps.

    Args:
        seed: Of the posterior.
        layer: Number of the layer.
        call: Which call of the layer in a forward pass.
        sample: Number of the posterior sample.
        p: Probability of an element to be dropped, from 0 to 1.
        size: Number of elements.

    Returns:
        `[size]`, False where an element is dropped. It is remembered: do not change it.

    Example:
        >>> a, b = (keep_mask(0, 1, 0, 5, 0.5, n) for n in (4, 8))
        >>> bool((a == b[:4]).all())
        True
    """
    return _masks.get((seed, layer, call, sample, p, size))


def _draw_mask(key: _Key) -> npt.NDArray[np.bool_]:
    seed, layer, call, sample, p, size = key
    bits = _philox(seed, layer, call, sample).random_raw((size + 1) // 2)
    # As unsigned numbers of 32 bits each; p = 1 is above them all.
    return bits.view(np.uint32)[:size] >= np.uint64(round(p * 2**32))


class _Masks:
    """The masks drawn last, up to some memory: each batch of a dataset asks for the same ones."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.n_bytes = 0
        self.masks: OrderedDict[_Key, npt.NDArray[np.bool_]] = OrderedDict()
        self.lock = Lock()

    def get(self, key: _Key) -> npt.NDArray[np.bool_]:
        with self.lock:
            mask = self.masks.get(key)
            if mask is not None:
                self.masks.move_to_end(key)
                return mask
        mask = _draw_mask(key)
        with self.lock:
            self.n_bytes += 0 if key in self.masks else mask.nbytes
            self.masks[key] = mask
            while self.n_bytes > self.most_bytes:
                self.n_bytes -= self.masks.popitem(last=False)[1].nbytes
        return mask


_masks = _Masks(most_bytes=32 * 2**20)


def keyed_generator(seed: int, sample: int, stream: int = 0) -> np.random.Generator:
    """A generator for one posterior sample, for a posterior of one's own.

    Args:
        seed: Of the posterior.
        sample: Number of the posterior sample.
        stream: Another number gives another generator, for another tensor.

    Returns:
        A NumPy generator, always the same for the same arguments.

    Example:
        >>> keyed_generator(0, 5).normal() == keyed_generator(0, 5).normal()
        True
    """
    return np.random.Generator(_philox(seed, stream, NO_CALL, sample))


def _philox(seed: int, layer: int, call: int, sample: int) -> np.random.Philox:
    key = [seed % 2**64, (layer % 2**32) << 32 | call % 2**32]
    return np.random.Philox(
        key=np.array(key, dtype=np.uint64), counter=np.array([0, 0, 0, sample], dtype=np.uint64)
    )
