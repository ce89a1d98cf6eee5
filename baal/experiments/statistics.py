"""Means and how sure they are: standard errors, paired tests, Holm's correction."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from baal.exceptions import InvalidArgumentError

__all__ = [
    "PairedTest",
    "check_confidence",
    "differences",
    "holm",
    "mean_and_error",
    "paired_test",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_FLIPS = 2**14
# Values nearer than that, relative to their size, differ by rounding.
ROUNDING = 1e-12


def mean_and_error(values: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Mean over the seeds, its standard error, and how many seeds there are.

    The standard error is the standard deviation with `n - 1`, over `sqrt(n)`.

    Args:
        values: `[S, ...]`; NaN where a seed has none.

    Returns:
        Mean, standard error and number of seeds, each `[...]`. The mean is NaN where there is no
        seed, the standard error where there are fewer than two.

    Example:
        >>> mean, error, n = mean_and_error(np.array([[0.2], [0.4]]))
        >>> mean.round(9).tolist(), error.round(9).tolist(), n.tolist()
        ([0.3], [0.1], [2])
    """
    known = np.isfinite(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is the NaN that is wanted
        mean = np.where(known, values, 0).sum(axis=0) / n
        squares = np.where(known, values - mean, 0) ** 2
        error = np.sqrt(squares.sum(axis=0) / np.where(n > 1, n - 1, 0)) / np.sqrt(n)
    return mean, error, n


def differences(values: FloatArray, baseline: FloatArray, *, higher_is_better: bool) -> FloatArray:
    """By how much values are better than those of the baseline.

    Args:
        values: `[...]`.
        baseline: `[...]`.
        higher_is_better: Which way is better.

    Returns:
        `[...]`, positive where `values` is better; 0 where the two differ by rounding only.

    Example:
        >>> differences(np.array([0.3]), np.array([0.5]), higher_is_better=False).tolist()
        [0.2]
    """
    gain = values - baseline if higher_is_better else baseline - values
    size = np.maximum(np.abs(values), np.abs(baseline))
    return np.where(np.abs(gain) <= ROUNDING * size, 0.0, gain)


@dataclass(frozen=True)
class PairedTest:
    """Is a mean difference more than chance?

    Attributes:
        n: Number of pairs.
        mean: Mean difference.
        low: Lower end of its t interval.
        high: Upper end.
        p_t: Of the paired t-test, two-sided.
        p_sign_flip: Of the sign-flip permutation test, two-sided: never below `2 / 2**n`.

    Example:
        >>> PairedTest(1, 0.5, *4 * [float("nan")]).n
        1
    """

    n: int
    mean: float
    low: float
    high: float
    p_t: float
    p_sign_flip: float


def paired_test(differences: FloatArray, *, confidence: float = 0.95, seed: int = 0) -> PairedTest:
    """Test paired differences against zero.

    The paired t-test takes the differences to be normal. The sign-flip test only takes each to be
    as likely to have the other sign: it compares their mean with those of all `2**n` choices of
    signs (Fisher, 1935), or, beyond 14 pairs, of 16,384 random ones.

    Args:
        differences: One for each seed, `[S]`; a NaN is left out.
        confidence: Level of the t interval, between 0 and 1.
        seed: Of the random choices of signs.

    Returns:
        Interval and p values are NaN with fewer than two pairs. Both p are 1 if all differences
        are zero.

    Raises:
        InvalidArgumentError: `confidence` is not between 0 and 1.

    Example:
        >>> result = paired_test(np.array([1.0, 2.0, 3.0]))
        >>> result.mean, round(result.p_t, 4), result.p_sign_flip
        (2.0, 0.0742, 0.25)
    """
    check_confidence(confidence)
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.isfinite(values)]
    n, nan = len(values), float("nan")
    mean = float(values.mean()) if n else nan
    if n < 2:
        return PairedTest(n, mean, nan, nan, nan, nan)
    flips = stats.permutation_test(
        (values,),
        _mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_FLIPS,
        random_state=np.random.default_rng(seed),
    )
    if np.ptp(values) <= ROUNDING * np.abs(values).max():  # no spread: t is infinite, or 0 / 0
        p = 0.0 if mean else 1.0
        return PairedTest(n, mean, mean, mean, p, float(flips.pvalue))
    error = values.std(ddof=1) / np.sqrt(n)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1) * error)
    p = float(stats.ttest_1samp(values, 0).pvalue)  # on differences: the paired test
    return PairedTest(n, mean, mean - reach, mean + reach, p, float(flips.pvalue))


def _mean(values: FloatArray, axis: int) -> FloatArray:
    return np.asarray(values.mean(axis=axis))


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's correction of p values for having made several tests.

    The k-th smallest of `m` is multiplied by `m - k + 1`, and none gets below a smaller one (Holm,
    "A simple sequentially rejective multiple test procedure", 1979).

    Args:
        p_values: `[H]`; a NaN is no test and stays.

    Returns:
        `[H]`, at most 1.

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(9).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    corrected = np.full_like(p, np.nan)
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected


def check_confidence(confidence: float) -> None:
    """Refuse what is no level of a confidence interval.

    Args:
        confidence: The level.

    Raises:
        InvalidArgumentError: It is not between 0 and 1.

    Example:
        >>> check_confidence(0.95)
    """
    if not 0 < confidence < 1:
        raise InvalidArgumentError(
            f"Expected `confidence` to be between 0 and 1, but got {confidence}"
        )
