import numpy as np
import pytest

from baal.active.heuristics import BALD, Entropy
from baal.active.heuristics.aliases import PowerBALD, PowerEntropy
from baal.active.heuristics.stochastics import PowerSampling
from tests.active.heuristics.test_joint_entropy import draw


@pytest.mark.parametrize(("alias", "base"), [(PowerBALD, BALD), (PowerEntropy, Entropy)])
def test_an_alias_is_power_sampling_of_its_base(alias, base):
    pool = draw((20, 3, 5, 4))
    expected = PowerSampling(base(reduction="max"), 4, 2.0, seed=3).get_ranks(pool)
    got = alias(4, 2.0, "max", seed=3).get_ranks(pool)
    assert got[0].tolist() == expected[0].tolist()
    np.testing.assert_array_equal(got[1], expected[1])
    assert alias(4, mode="logits").mode == "logits"
    assert alias(4).temperature == 1.0
