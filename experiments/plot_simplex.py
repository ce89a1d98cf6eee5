"""Draws what the scores say of every mean prediction of three classes: docs/images/simplex.png.

A point of a triangle is a mean prediction, a corner a class. Entropy, Margin and Certainty look at
the mean alone. The others look at the posterior samples, which are drawn here from a Dirichlet
distribution around the mean. Bright is uncertain, whichever way a score goes.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.active.heuristics import get_heuristic

NAMES = [
    *["entropy", "margin", "certainty", "bald"],
    *["variation_ratio", "vote_entropy", "mean_std", "variance"],
]
CORNERS = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])


def grid(steps: int) -> npt.NDArray[np.float64]:
    """Mean predictions `[N, 3]`, evenly spread over the simplex."""
    i, j = np.mgrid[: steps + 1, : steps + 1].reshape(2, -1)
    inside = i + j <= steps
    return np.stack([i, j, steps - i - j], axis=1)[inside] / steps


def draw_samples(
    means: npt.NDArray[np.float64], concentration: float, n_samples: int
) -> npt.NDArray[np.float64]:
    """Posterior samples `[N, 3, K]` around the means, `[N, 3]`."""
    rng = np.random.default_rng(0)
    shape = np.maximum(concentration * means, 1e-6)
    gammas = rng.gamma(shape[..., None], size=(*means.shape, n_samples)) + 1e-12
    return np.asarray(gammas / gammas.sum(axis=1, keepdims=True))


def plot(path: Path, steps: int, concentration: float, n_samples: int) -> None:
    """Write the figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    means = grid(steps)
    samples: Any = draw_samples(means, concentration, n_samples)
    x, y = (means @ CORNERS).T
    figure, axes = plt.subplots(2, 4, figsize=(10, 5))
    for axis, name in zip(axes.ravel(), NAMES, strict=True):
        heuristic = get_heuristic(name)
        of_mean = name in {"entropy", "margin", "certainty"}
        scores = heuristic.get_uncertainties(means[..., None] if of_mean else samples)
        colours = "viridis" if heuristic.reversed else "viridis_r"
        filled = axis.tricontourf(x, y, scores, levels=16, cmap=colours)
        ends = [scores.min(), scores.max()]
        figure.colorbar(filled, ax=axis, shrink=0.7, ticks=ends, format="%.2f")
        axis.set_title(type(heuristic).__name__, fontsize=11)
        axis.set_aspect("equal")
        axis.axis("off")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/simplex.png"))
    parser.add_argument("--steps", type=int, default=48, help="points along an edge")
    parser.add_argument("--concentration", type=float, default=8.0, help="high: samples agree")
    parser.add_argument("--samples", type=int, default=5000, help="posterior samples, K")
    args = parser.parse_args()
    plot(args.out, args.steps, args.concentration, args.samples)


if __name__ == "__main__":
    main()
