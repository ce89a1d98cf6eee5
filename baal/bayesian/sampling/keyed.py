"""Random numbers that depend on their key and on nothing else: no state, no order of drawing.

Philox (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405) turns a key and a counter into
random bits. The counter's last word is the number of the posterior sample, so that samples never
share a number, and shorter draws are the beginning of longer ones.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["keep_mask", "keyed_generator"]


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
        `[size]`, False where an element is dropped.

    Example:
        >>> a, b = (keep_mask(0, 1, 0, 5, 0.5, n) for n in (4, 8))
        >>> bool((a == b[:4]).all())
        True
    """
    bits = _philox(seed, layer, call, sample).random_raw((size + 1) // 2)
    # As unsigned numbers of 32 bits each; p = 1 is above them all.
    return bits.view(np.uint32)[:size] >= np.uint64(round(p * 2**32))


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
    return np.random.Generator(_philox(seed, stream, 0, sample))


def _philox(seed: int, layer: int, call: int, sample: int) -> np.random.Philox:
    key = [seed % 2**64, (layer % 2**32) << 32 | call % 2**32]
    return np.random.Philox(
        key=np.array(key, dtype=np.uint64), counter=np.array([0, 0, 0, sample], dtype=np.uint64)
    )
