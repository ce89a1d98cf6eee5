"""Items whose labels would change the model most, or its predictions on the pool."""

import numpy as np
import numpy.typing as npt

from baal.active.heuristics.arguments import check_count
from baal.active.heuristics.functional.model_change import (
    expected_gradient_length,
    expected_squared_products,
    residual_lengths,
)
from baal.active.heuristics.pool_based import PoolHeuristic
from baal.active.heuristics.pool_data import PoolData
from baal.active.heuristics.scoring import Reading
from baal.exceptions import InvalidArgumentError

__all__ = ["ExpectedErrorReduction", "ExpectedGradientLength"]

FloatArray = npt.NDArray[np.float64]


class ExpectedGradientLength(PoolHeuristic):
    r"""Expected length of the gradient that an item's label would give; high changes the model.

    $$\sum_c p_c\, |\nabla \ell(x, c)|$$

    Settles, Craven & Ray (2007), "Multiple-instance active learning"; see
    `baal.active.heuristics.functional.expected_gradient_length`. The label is not known, so the
    model's own mean prediction says how probable each is. The gradient of the cross-entropy with
    respect to the last layer is `(p - e_c) h^T`, whose length is `|p - e_c| |h|`: this takes
    embeddings and no backward pass. Long embeddings score high whatever they are.

    Args:
        whole_model: Count all of the model's parameters rather than the last layer's. It needs
            `gradient_lengths` `[N, C]` in place of embeddings, which
            `ModelWrapper.gradient_lengths_on_dataset` gives by C backward passes an item.
        reverse: Whether the highest score is the best to label.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Not used: nothing is random.

    Raises:
        InvalidArgumentError: `mode` is none of these.

    Example:
        >>> p = [[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]]
        >>> heuristic = ExpectedGradientLength()
        >>> heuristic.get_uncertainties(p, embeddings=[[1.0], [1.0], [2.0]]).round(3).tolist()
        [0.707, 0.255, 1.414]
        >>> heuristic = ExpectedGradientLength(whole_model=True)
        >>> heuristic.get_uncertainties(p[:1], gradient_lengths=[[1.0, 3.0]]).tolist()
        [2.0]
    """

    needs_probabilities = True
    needs_embeddings = True

    def __init__(
        self,
        whole_model: bool = False,
        *,
        reverse: bool = True,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(reverse=reverse, mode=mode, seed=seed)
        self.whole_model = whole_model
        self.needs_gradient_lengths = whole_model
        self.needs_embeddings = not whole_model

    def score_pool(self, pool: PoolData) -> FloatArray:
        """Score each item.

        Args:
            pool: With probabilities, and embeddings or gradient lengths.

        Returns:
            `[N]`.

        Raises:
            InvalidArgumentError: There are not as many gradient lengths as classes.
        """
        assert pool.probabilities is not None
        lengths = pool.gradient_lengths
        if lengths is None:
            assert pool.embeddings is not None
            h = pool.embeddings
            # In float64 without a copy of them all.
            sizes = np.sqrt(np.einsum("nd,nd->n", h, h, dtype=np.float64))
            lengths = residual_lengths(pool.probabilities) * sizes[:, None]
        elif lengths.shape != pool.probabilities.shape:
            raise InvalidArgumentError(
                f"Expected `gradient_lengths` to be {[*pool.probabilities.shape]}, one for each "
                f"class, but got shape {lengths.shape}."
            )
        return expected_gradient_length(pool.probabilities, lengths)


class ExpectedErrorReduction(PoolHeuristic):
    r"""How much the label would lower the pool's expected log-loss, by products of gradients.

    $$\frac{1}{M} \sum_{j \ne i} \sum_{y,y'} p_i(y)\, p_j(y')\, (g_i(y) \cdot g_j(y'))^2
      = \frac{1}{M} \sum_{j \ne i} (h_i \cdot h_j)^2\, tr(C_i C_j), \quad
      C_i = diag(p_i) - p_i p_i^T$$

    Expected error reduction (Roy & McCallum 2001; section 3.4 of Settles' survey,
    http://burrsettles.com/pub/settles.activelearning.pdf) trains the model anew for each item and
    each label that it could have. In place of that: a gradient step of size `a` on `(i, y)`
    multiplies the probability of label `y'` of item `j` by `1 + a g_i(y) . g_j(y')`, to the first
    order, where `g(y) = (p - e_y) h^T` is the gradient with respect to the last layer.

    Labels come from the model's own predictions, and so the expected product itself is zero,
    always: `E_y g(y) = (p - p) h^T`. Before a label is known no first-order change is expected
    anywhere. What is expected is the effect of its square: by the above, the labels have the joint
    distribution `p_i(y) p_j(y') (1 + a g_i(y) . g_j(y'))`, which keeps both marginals, and whose
    mutual information is `a^2 / 2` times the expected squared product. That information is what the
    entropy of item `j`, its expected log-loss, will fall by when `i` is labelled; the score is the
    mean over the rest of the pool, less the factor, which changes no rank. The mean of absolute
    products would grow likewise, but is neither an error nor has it a form without pairs of
    classes.

    What a label tells of its own item counts for nothing. So an item whose embedding is orthogonal
    to all others scores 0, however long it is, and so does the only item of a pool. Other outliers
    do win: the score grows with the square of an item's length, so that one long embedding that
    points where a few others do, or between all of them, is worth many. Where lengths mean nothing,
    scale embeddings to length one.

    In other words the score is the trace of the product of two Fisher matrices, the item's and the
    mean of the rest: `BAIT` is what it becomes where labelled items have their say.

    Args:
        max_pool: Where the pool has more items, so many of them stand for it, drawn at random; for
            one that was drawn, the others. None: all of them, at a cost that grows with the square
            of the pool.
        reverse: Whether the highest score is the best to label.
        mode: What predictions are: "probabilities", "logits", or "auto".
        seed: Of the items that stand for the pool, the same in each call; None is 0.

    Raises:
        InvalidArgumentError: `max_pool` is below 1, or `mode` unknown.
        InvalidTypeError: `max_pool` is no whole number.

    Example:
        >>> p, h = [[0.5, 0.5]] * 4, [[1.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 9.0]]
        >>> ExpectedErrorReduction().get_uncertainties(p, embeddings=h).round(3).tolist()
        [0.417, 0.667, 0.417, 0.0]
    """

    needs_probabilities = True
    needs_embeddings = True

    def __init__(
        self,
        max_pool: int | None = 1000,
        *,
        reverse: bool = True,
        mode: Reading = "auto",
        seed: int | None = None,
    ) -> None:
        super().__init__(reverse=reverse, mode=mode, seed=seed)
        self.max_pool = None if max_pool is None else check_count("max_pool", max_pool, 1)

    def score_pool(self, pool: PoolData) -> FloatArray:
        """Score each item.

        Args:
            pool: With probabilities and embeddings.

        Returns:
            `[N]`.
        """
        assert pool.probabilities is not None
        assert pool.embeddings is not None
        p, h = pool.probabilities, pool.embeddings
        if self.max_pool is None or pool.n_items <= self.max_pool:
            return expected_squared_products(p, h)
        rng = np.random.default_rng(self.seed)
        items = np.sort(rng.choice(pool.n_items, self.max_pool, replace=False))
        return expected_squared_products(p, h, p[items], h[items], items)
