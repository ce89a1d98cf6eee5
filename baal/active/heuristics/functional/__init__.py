"""The scores as pure functions, exact in what they compute and free of guesses.

Those of class probabilities take `[N, C, ..., K]` (items, classes, further output dimensions,
posterior samples) and reduce the axes of classes and samples. A single class is a Bernoulli
probability: it stands for two outcomes, `p` and `1 - p`. Entropies are in nats.

Total uncertainty has an aleatoric part, which more labels do not lessen, and an epistemic part,
which they do:

| outputs | total | aleatoric | epistemic |
|---|---|---|---|
| classes | `predictive_entropy` | `expected_entropy` | `mutual_information` |
| labels | `label_entropy` | `label_expected_entropy` | `label_mutual_information` |
| Gaussians | `gaussian_entropy` | `gaussian_expected_entropy` | `gaussian_mutual_information` |
| Gaussians | `predictive_variance` | `variances.mean(-1)` | `variance(means)` |
"""

from baal.active.heuristics.functional.classification import (
    certainty,
    expected_entropy,
    margin,
    mutual_information,
    predictive_entropy,
)
from baal.active.heuristics.functional.committee import (
    mean_kl_to_consensus,
    mean_standard_deviation,
    soft_vote_entropy,
    variation_ratio,
    vote_entropy,
    votes,
)
from baal.active.heuristics.functional.coverage import k_center
from baal.active.heuristics.functional.multilabel import (
    label_entropy,
    label_expected_entropy,
    label_margin,
    label_mutual_information,
)
from baal.active.heuristics.functional.regression import (
    gaussian_entropy,
    gaussian_expected_entropy,
    gaussian_mutual_information,
    predictive_variance,
    variance,
)

__all__ = [
    "certainty",
    "expected_entropy",
    "gaussian_entropy",
    "gaussian_expected_entropy",
    "gaussian_mutual_information",
    "k_center",
    "label_entropy",
    "label_expected_entropy",
    "label_margin",
    "label_mutual_information",
    "margin",
    "mean_kl_to_consensus",
    "mean_standard_deviation",
    "mutual_information",
    "predictive_entropy",
    "predictive_variance",
    "soft_vote_entropy",
    "variance",
    "variation_ratio",
    "vote_entropy",
    "votes",
]
