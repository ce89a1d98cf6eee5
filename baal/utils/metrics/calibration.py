"""How far confidence and accuracy are apart, over all items and class by class."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from baal.exceptions import InvalidArgumentError
from baal.utils.metrics.reading import Reading
from baal.utils.metrics.reliability import Reliability, plot_reliability
from baal.utils.metrics.tally import Tally, check_at_least

__all__ = ["ECE", "ECE_PerCLs", "binned", "expected_calibration_error"]


def binned(
    probabilities: torch.Tensor, hits: torch.Tensor, weight: torch.Tensor, n_bins: int
) -> torch.Tensor:
    """Sums over bins of equal width: (0, 1/n], (1/n, 2/n], and so on, with 0 in the first.

    Args:
        probabilities: `[S, P]`, float64: S series, each with bins of its own.
        hits: Whether what has these probabilities came true, `[S, P]`.
        weight: `[P]`; what has none is left out.
        n_bins: Number of bins.

    Returns:
        `[S, 3, n_bins]`: weights, weights of hits, weighted probabilities. A NaN is in the last
        bin, and makes its sum of probabilities NaN.

    Example:
        >>> p = torch.tensor([[0.5, 0.75, 1.0]], dtype=torch.double)
        >>> binned(p, torch.tensor([[True, False, True]]), torch.ones(3), 2).tolist()
        [[[1.0, 2.0], [1.0, 1.0], [0.5, 1.75]]]
    """
    n_series = len(probabilities)
    edges = torch.arange(1, n_bins, device=weight.device, dtype=torch.double) / n_bins
    slots = torch.bucketize(probabilities.contiguous(), edges)  # [S, P]
    first = n_bins * torch.arange(n_series, device=weight.device)[:, None]
    # Not a product: NaN times a weight of 0 is NaN.
    confidence = torch.where(weight > 0, probabilities, 0.0)
    weights = weight.double().expand_as(confidence)
    sums = torch.zeros(3, n_series * n_bins, dtype=torch.double, device=weight.device)
    values = torch.stack([weights, hits * weights, confidence]).reshape(3, -1)
    sums.index_add_(1, (slots + first).reshape(-1), values)
    return sums.reshape(3, n_series, n_bins).transpose(0, 1)


def _calibration_error(sums: torch.Tensor) -> torch.Tensor:
    """[S, 3, n_bins] -> [S]; NaN without items."""
    items, hits, confidence = sums.unbind(1)
    return (hits - confidence).abs().sum(-1) / items.sum(-1)


def expected_calibration_error(probabilities: Any, targets: Any, n_bins: int = 15) -> float:
    r"""How far confidence and accuracy are apart, on average: `ECE` of whole arrays.

    $$\sum_b \frac{n_b}{N} |\mathrm{acc}_b - \mathrm{conf}_b|$$

    over bins of equal width of the confidence, which is the highest probability of an item. Guo et
    al. (2017), https://arxiv.org/abs/1706.04599.

    Args:
        probabilities: `[N, C, ...]`.
        targets: Classes `[N, ...]`. Negative ones, such as -100, are left out.
        n_bins: Number of bins.

    Returns:
        Between 0 and 1; NaN where no target counts, or a probability that does is NaN.

    Raises:
        InvalidArgumentError: The shapes do not fit.

    Example:
        >>> expected_calibration_error([[0.25, 0.75], [0.25, 0.75]], [1, 0])
        0.25
    """
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    if probabilities.ndim < 2 or targets.shape != probabilities[:, 0].shape:
        raise InvalidArgumentError(
            "Expected `targets` to be [N, ...] for `probabilities` [N, C, ...], but got shapes "
            f"{targets.shape} and {probabilities.shape}"
        )
    counts = targets >= 0
    hits = torch.as_tensor(probabilities.argmax(axis=1)[counts] == targets[counts])
    confidence = torch.as_tensor(probabilities.max(axis=1)[counts], dtype=torch.double)
    sums = binned(confidence[None], hits[None], torch.ones(len(hits)), n_bins)
    return float(_calibration_error(sums))


class ECE(Tally):
    r"""Expected calibration error: how far confidence and accuracy are apart, between 0 and 1.

    $$\sum_b \frac{n_b}{N} |\mathrm{acc}_b - \mathrm{conf}_b|$$

    over bins of equal width of the confidence, which is the highest probability of an item. Guo et
    al. (2017), https://arxiv.org/abs/1706.04599. It is NaN where an item has no confidence, that is
    a NaN among its outputs.

    Args:
        n_bins: Number of bins.
        mode: What the outputs are, see `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `n_bins` is below 1, or `mode` is unknown.

    Example:
        >>> ece = ECE(n_bins=10)
        >>> ece.update(torch.tensor([[0.25, 0.75], [0.25, 0.75]]), torch.tensor([1, 0]))
        >>> ece.value
        0.25
    """

    def __init__(
        self, n_bins: int = 10, *, mode: Reading = "auto", ignore_index: int | None = None
    ) -> None:
        self.n_bins = check_at_least("n_bins", n_bins, 1)
        self.shape = (1, 3, self.n_bins)
        super().__init__(mode=mode, ignore_index=ignore_index)

    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        confidence, predicted = scores.max(1)
        return binned(confidence[None], (predicted == target)[None], weight, self.n_bins)

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        return _calibration_error(counts)

    def reliability(self) -> Reliability:
        """What the diagram shows.

        Returns:
            Items, accuracy and confidence of each bin.
        """
        return Reliability.of(self.counts()[0])

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw the reliability diagram: accuracy against confidence, and where the items are.

        Args:
            path: The picture to write; its ending decides the format. None: only draw.

        Returns:
            A matplotlib figure, which a notebook shows.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        return plot_reliability([self.reliability()], path)


class ECE_PerCLs(Tally):  # noqa: N801 - BaaL 2.1's name
    r"""Calibration error of the probability of each class, a list of floats `[C]`.

    $$\sum_b \frac{n_b}{N} |\mathrm{freq}_b - \mathrm{conf}_b|$$

    for each class over bins of equal width of its probability, with all N items: how often what has
    this probability is of this class. Kull et al. (2019), "classwise-ECE",
    https://arxiv.org/abs/1910.12656. A class without items has its mean probability as error; NaN
    in the outputs makes all NaN.

    Args:
        n_cls: Number of classes `C`, at least 2.
        n_bins: Number of bins.
        mode: What the outputs are, see `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `n_cls` is below 2, `n_bins` below 1, or `mode` is unknown.

    Example:
        >>> ece = ECE_PerCLs(2)
        >>> ece.update(torch.tensor([[0.25, 0.75], [0.25, 0.75]]), torch.tensor([1, 0]))
        >>> ece.value
        [0.25, 0.25]
    """

    def __init__(
        self,
        n_cls: int,
        n_bins: int = 10,
        *,
        mode: Reading = "auto",
        ignore_index: int | None = None,
    ) -> None:
        self.n_classes = check_at_least("n_cls", n_cls, 2)
        self.n_bins = check_at_least("n_bins", n_bins, 1)
        self.shape = (self.n_classes, 3, self.n_bins)
        super().__init__(mode=mode, ignore_index=ignore_index)

    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        classes = torch.arange(scores.shape[1], device=scores.device)[:, None]
        return binned(scores.T, target == classes, weight, self.n_bins)

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        return _calibration_error(counts)

    def reliability(self) -> list[Reliability]:
        """What the diagrams show.

        Returns:
            Items, frequency and probability of each bin, one entry a class.
        """
        return [Reliability.of(sums) for sums in self.counts()]

    def plot(self, path: str | Path | None = None) -> Any:
        """Draw a reliability diagram for each class: its frequency against its probability.

        Args:
            path: The picture to write; its ending decides the format. None: only draw.

        Returns:
            A matplotlib figure, which a notebook shows.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        return plot_reliability(self.reliability(), path)
