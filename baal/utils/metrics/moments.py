"""Weighted mean and standard deviation of a stream of values, in constant memory."""

import torch

__all__ = ["Moments", "to_float64"]


class Moments:
    """Mean and deviation of values that come one after the other, each with its weight.

    Sums are kept in float64 where the values are, by West (1979),
    https://doi.org/10.1145/359146.359153.

    Example:
        >>> moments = Moments()
        >>> moments.add(torch.tensor([1.0]), 9)
        >>> moments.add(torch.tensor([11.0]), 1)
        >>> moments.mean().tolist(), moments.standard_deviation().tolist()
        ([2.0], [3.0])
    """

    def __init__(self) -> None:
        self._state: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def add(self, values: torch.Tensor, weight: torch.Tensor | float) -> None:
        """Take in one value of each stream.

        Args:
            values: Any shape, the same each time; each entry is a stream of its own.
            weight: A number, or one of the shape of `values`. An entry of weight 0 changes
                nothing, and may be NaN.
        """
        if self._state is None:
            zero = torch.zeros_like(to_float64(values))
            self._state = zero, zero, zero
        before, total, squares = self._state  # weights, weighted sums, weighted squares around them
        values = to_float64(values).to(total.device)
        weights = torch.zeros_like(values) + weight
        values = torch.where(weights > 0, values, 0.0)
        after, new_total = before + weights, total + weights * values
        step = weights * (values - total / before) * (values - new_total / after)
        # The first value is its own mean: no deviation yet.
        squares = squares + torch.where((before > 0) & (weights > 0), step, 0.0)
        self._state = after, new_total, squares

    def mean(self) -> torch.Tensor:
        """The weighted mean.

        Returns:
            The shape of the values, float64; NaN where nothing has a weight. A scalar NaN when
            nothing was taken in.
        """
        if self._state is None:
            return torch.tensor(torch.nan, dtype=torch.double)
        weights, total, _ = self._state
        return total / weights

    def standard_deviation(self) -> torch.Tensor:
        """The weighted standard deviation around the mean.

        Returns:
            The shape of the values, float64; NaN as `mean`.
        """
        if self._state is None:
            return torch.tensor(torch.nan, dtype=torch.double)
        weights, _, squares = self._state
        return (squares / weights).clamp_min(0).sqrt()


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
