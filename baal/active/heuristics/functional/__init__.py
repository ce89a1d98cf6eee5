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

from baal.active.heuristics.functional.bait import fisher_batch
from baal.active.heuristics.functional.balls import ball_cover, cluster_spread, pure_radius
from baal.active.heuristics.functional.classification import (
    certainty,
    expected_entropy,
    margin,
    mutual_information,
    predictive_entropy,
)
from baal.active.heuristics.functional.clustering import cluster_means, k_means
from baal.active.heuristics.functional.committee import (
    mean_kl_to_consensus,
    mean_standard_deviation,
    soft_vote_entropy,
    variation_ratio,
    vote_entropy,
    votes,
)
from baal.active.heuristics.functional.coverage import k_center
from baal.active.heuristics.functional.model_change import (
    expected_gradient_length,
    expected_squared_products,
    residual_lengths,
)
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
from baal.active.heuristics.functional.regression_batches import (
    largest_cluster,
    max_determinant,
    spread_in_both,
)
from baal.active.heuristics.functional.seeding import k_means_plus_plus
from baal.active.heuristics.functional.similarity import Similarity, ranked_batch
from baal.active.heuristics.functional.typical import neighbour_distances, typical_of_clusters

__all__ = [
    "Similarity",
    "ball_cover",
    "certainty",
    "cluster_means",
    "cluster_spread",
    "expected_entropy",
    "expected_gradient_length",
    "expected_squared_products",
    "fisher_batch",
    "gaussian_entropy",
    "gaussian_expected_entropy",
    "gaussian_mutual_information",
    "k_center",
    "k_means",
    "k_means_plus_plus",
    "label_entropy",
    "label_expected_entropy",
    "label_margin",
    "label_mutual_information",
    "largest_cluster",
    "margin",
    "max_determinant",
    "mean_kl_to_consensus",
    "mean_standard_deviation",
    "mutual_information",
    "neighbour_distances",
    "predictive_entropy",
    "predictive_variance",
    "pure_radius",
    "ranked_batch",
    "residual_lengths",
    "soft_vote_entropy",
    "spread_in_both",
    "typical_of_clusters",
    "variance",
    "variation_ratio",
    "vote_entropy",
    "votes",
]
