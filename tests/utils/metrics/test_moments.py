import math
import types

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from baal.utils.metrics.moments import Moments, to_float64

NUMBERS = st.floats(-1e3, 1e3)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 5)), min_size=1, max_size=400))
def test_mean_and_deviation_are_numpys(rows):
    moments = Moments()
    for *values, weight in rows:
        moments.add(torch.tensor(values, dtype=torch.double), weight)
    values, weights = np.array(rows)[:, :2], np.array(rows)[:, 2]
    if not weights.any():
        assert moments.mean().isnan().all()
        assert moments.standard_deviation().isnan().all()
        return
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.average((values - mean) ** 2, axis=0, weights=weights) ** 0.5
    np.testing.assert_allclose(moments.mean(), mean, atol=1e-9)
    np.testing.assert_allclose(moments.standard_deviation(), deviation, atol=1e-6)


def test_many_values_far_from_zero():
    """Sums of squares would lose these deviations to rounding."""
    moments = Moments()
    for i in range(1000):
        moments.add(torch.tensor([1e9 + i % 2], dtype=torch.double), 1)
    assert moments.mean().item() == 1e9 + 0.5
    assert moments.standard_deviation().item() == 0.5


def test_a_weight_for_each_stream():
    moments = Moments()
    for block in range(3):  # sums of sums, one of them with nothing in the second stream
        second = math.nan if block == 1 else 4.0
        for _ in range(200):
            weight = torch.tensor([1.0, 0.0 if block == 1 else 2.0])
            moments.add(torch.tensor([float(block), second]), weight)
    assert moments.mean().tolist() == [1.0, 4.0]
    np.testing.assert_allclose(moments.standard_deviation(), [(2 / 3) ** 0.5, 0.0])


def test_a_value_that_is_no_number_stays_one():
    moments = Moments()
    moments.add(torch.tensor([1.0]), 1)
    moments.add(torch.tensor([math.nan]), 1)
    assert math.isnan(moments.mean())
    assert math.isnan(moments.standard_deviation())


def test_where_there_is_no_float64_the_cpu_sums():
    class Apple:
        device = types.SimpleNamespace(type="mps")

        def detach(self):
            return self

        def cpu(self):
            return torch.ones(2)

    assert to_float64(Apple()).dtype == torch.double
