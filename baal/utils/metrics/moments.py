"""Weighted mean and standard deviation of a stream of values, in constant memory."""

import torch

__all__ = ["Moments", "to_float64"]


_PENDING = 128  # values that wait to be summed together: one by one costs more than the rest


class Moments:
    """Mean and deviation of values that come one after the other, each with its weight.

    Sums are kept in float64 where the values are, and put together by Chan, Golub and LeVeque
    (1983), https://doi.org/10.1080/00031305.1983.10483115.

    Example:
        >>> moments = Moments()
        >>> moments.add(torch.tensor([1.0]), 9)
        >>> moments.add(torch.tensor([11.0]), 1)
        >>> moments.mean().tolist(), moments.standard_deviation().tolist()
        ([2.0], [3.0])
    """

    def __init__(self) -> None:
        # Weights, weighted sums, and weighted squares around the mean.
        self._sums: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._pending: list[tuple[torch.Tensor, torch.Tensor | float]] = []

    def add(self, values: torch.Tensor, weight: torch.Tensor | float) -> None:
        """Take in one value of each stream.

        Args:
            values: Any shape, the same each time; each entry is a stream of its own.
            weight: A number, or one of the shape of `values`. An entry of weight 0 changes
                nothing, and may be NaN.
        """
        self._pending.append((values.detach(), weight))
        if len(self._pending) >= _PENDING:
            self._sum_up()

    def _sum_up(self) -> None:
        came, weighed = zip(*self._pending, strict=True)
        came = tuple(to_float64(value) for value in came)
        device = came[0].device if self._sums is None else self._sums[0].device
        values = torch.stack([value.to(device) for value in came])
        if any(isinstance(w, torch.Tensor) for w in weighed):
            weights = torch.stack(
                [torch.as_tensor(w, dtype=torch.double, device=device) for w in weighed]
            )
        else:  # all at once: one by one takes longer than all the rest
            weights = torch.tensor(weighed, dtype=torch.double, device=device)
        self._pending.clear()
        # From [U] to [U, 1, ...], where weights are numbers.
        weights = weights.reshape(*weights.shape, *[1] * (values.ndim - weights.ndim))
        values = torch.where(weights > 0, values, 0.0)
        weights = weights.expand_as(values)
        weight, total = weights.sum(0), (weights * values).sum(0)
        squares = torch.where(weights > 0, weights * (values - total / weight) ** 2, 0.0).sum(0)
        if self._sums is not None:
            before, total_before, squares_before = self._sums
            both = before + weight
            between = (total / weight - total_before / before) ** 2 * before * weight / both
            # One side without any weight has no mean to be apart from.
            between = torch.where((before > 0) & (weight > 0), between, 0.0)
            weight, total = both, total + total_before
            squares = squares + squares_before + between
        self._sums = weight, total, squares

    def _summed(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if self._pending:
            self._sum_up()
        nothing = torch.tensor(0.0, dtype=torch.double)
        return self._sums or (nothing, nothing, nothing)

    def mean(self) -> torch.Tensor:
        """The weighted mean.

        Returns:
            The shape of the values, float64; NaN where nothing has a weight. A scalar NaN when
            nothing was taken in.
        """
        weights, total, _ = self._summed()
        return total / weights

    def standard_deviation(self) -> torch.Tensor:
        """The weighted standard deviation around the mean.

        Returns:
            The shape of the values, float64; NaN as `mean`.
        """
        weights, _, squares = self._summed()
        return (squares / weights).sqrt()


def to_float64(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float64 without its graph, where it is unless there is no float64 there.

    Args:
        tensor: Any shape.

    Returns:
        The same shape, on the same device; on the CPU for Apple's, which have no float64.

    Example:
        >>> to_float64(torch.ones(2)).dtype
        torch.float64
    """
    tensor = tensor.detach()
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()
