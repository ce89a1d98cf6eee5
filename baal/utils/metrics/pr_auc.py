"""The area under the precision-recall curve of each class."""

import torch

from baal.utils.metrics.reading import Reading
from baal.utils.metrics.tally import Tally, check_at_least

__all__ = ["PRAuC", "area_under_curve"]


def area_under_curve(counts: torch.Tensor) -> torch.Tensor:
    """Areas under precision-recall curves, by trapezoids, from histograms of the scores.

    The curve has a point for each threshold, where what scores at least as much is predicted, and
    goes on to recall 0 with precision 1.

    Args:
        counts: `[C, 2, T + 1]`: positives and all items, by the number of thresholds that their
            score reaches.

    Returns:
        `[C]`; NaN for a class without positives, which has no recall.

    Example:
        >>> counts = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 3.0, 2.0]]])
        >>> area_under_curve(counts)
        tensor([1.])
    """
    # Sums from the highest score down: the highest threshold first, [C, 2, T + 1].
    reached = counts.flip(-1).cumsum(-1)
    hits, predicted = reached[:, 0, :-1], reached[:, 1, :-1]  # [C, T]
    precision = torch.where(predicted > 0, hits / predicted, 1.0)
    recall = hits / reached[:, 0, -1:]
    start = torch.ones_like(precision[:, :1])
    precision = torch.cat([start, precision], dim=1)
    recall = torch.cat([0 * start, recall], dim=1)
    return torch.trapezoid(precision, recall, dim=1)


class PRAuC(Tally):
    r"""Area under the precision-recall curve, each class against all others, between 0 and 1.

    The curve has a point for each of the thresholds $0, 1/n, \dots, (n-1)/n$; between them the area
    is that of trapezoids, as with `sklearn.metrics.auc`. A classifier whose scores some threshold
    separates has 1. Davis and Goadrich (2006), https://doi.org/10.1145/1143844.1143874, say why
    trapezoids are optimistic where thresholds are few.

    It is NaN for a class without items, which the mean leaves out. An item with a NaN among its
    outputs reaches no threshold.

    Args:
        num_classes: Number of classes `C`, at least 2.
        n_bins: Number of thresholds, at least 2.
        average: The mean of the classes; False: a list of floats `[C]`.
        mode: What the outputs are, see `Tally`.
        ignore_index: See `Tally`.

    Raises:
        InvalidArgumentError: `num_classes` or `n_bins` is below 2, or `mode` is unknown.

    Example:
        >>> auc = PRAuC(2, n_bins=10, average=False)
        >>> auc.update(torch.tensor([[0.8, 0.2], [0.3, 0.7]]), torch.tensor([0, 1]))
        >>> auc.value
        [1.0, 1.0]
    """

    def __init__(
        self,
        num_classes: int,
        n_bins: int = 100,
        average: bool = True,
        *,
        mode: Reading = "auto",
        ignore_index: int | None = None,
    ) -> None:
        self.n_classes = check_at_least("num_classes", num_classes, 2)
        self.n_bins = check_at_least("n_bins", n_bins, 2)
        self.shape = (self.n_classes, 2, self.n_bins + 1)
        self._mean_of_classes = average
        super().__init__(mode=mode, ignore_index=ignore_index)

    def _count(
        self, scores: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        n_slots, device = self.n_bins + 1, scores.device
        thresholds = torch.arange(self.n_bins, dtype=torch.double, device=device) / self.n_bins
        scores = torch.where(scores.isnan().any(1, keepdim=True), -1.0, scores).T  # [C, P]
        slots = torch.bucketize(scores.contiguous(), thresholds, right=True)
        classes = torch.arange(len(scores), device=device)[:, None]
        weights = weight.expand_as(scores)
        values = torch.stack([(target == classes) * weights, weights]).reshape(2, -1)
        counts = torch.zeros(2, len(scores) * n_slots, dtype=torch.double, device=device)
        counts.index_add_(1, (classes * n_slots + slots).reshape(-1), values)
        return counts.reshape(2, len(scores), n_slots).transpose(0, 1)

    def _result(self, counts: torch.Tensor) -> torch.Tensor:
        areas = area_under_curve(counts)
        return areas.nanmean().reshape(1) if self._mean_of_classes else areas
