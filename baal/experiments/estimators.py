"""Experiments with scikit-learn estimators and skorch nets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.exceptions import InvalidArgumentError, InvalidTypeError, StateError
from baal.experiments.adapters import FrameworkAdapter
from baal.experiments.arrays import all_classes, whole_arrays, whole_pair
from baal.experiments.estimator_checks import check_probabilities
from baal.experiments.estimator_classes import (
    Columns,
    Members,
    check_vector,
)
from baal.experiments.estimator_embeddings import embeddings_of
from baal.experiments.estimator_metrics import checked_metrics, measured
from baal.experiments.estimator_parameters import (
    SeedSource,
    described_parameters,
    is_estimator,
    is_regressor,
    seeded_estimator,
)
from baal.experiments.estimator_samples import members_of
from baal.utils.extras import require_extra
from baal.utils.gradient_embeddings import GradientEmbeddings, gradient_embeddings

__all__ = ["SklearnAdapter"]

_BLOCK = 8192  # items whose samples are in memory at a time


class SklearnAdapter(FrameworkAdapter):
    """A scikit-learn estimator, a pipeline or a skorch net as an experiment wants it.

    Each round fits a clone: nothing is left of the round before, so there is no `warm_start`. Of
    `iterations`, a skorch net with dropout draws as many samples; of other estimators at most so
    many members are scored, the first ones, and the evaluation takes all of them.

    Data sets are an `ActiveNumpyArray` and pairs `(x, y)` of arrays, x sparse or not; a map-style
    data set is made into arrays.

    A run that has ended and is started again gives its records and no fitted estimator.

    Args:
        estimator: What is cloned; it is not changed. An experiment makes an adapter of an estimator
            by itself.
        metrics: Further ones by name, called with targets `[N]` and the most probable class `[N]`
            or the mean of a regressor, such as `{"f1": partial(f1_score, average="macro")}`;
            recorded as `test_<name>`.
        seed: Of every parameter `random_state` that is None, at any depth: each round draws them
            anew. None: from NumPy's global random state, which an experiment saves. Those that are
            set stay as they are.
        classes: All classes, in the order of the columns of predictions. None: those of all items
            of an `ActiveNumpyArray`; of another data set, those labelled by then.
        features: Called with inputs `[N, ...]`, gives their embeddings `[N, D]` for heuristics that
            need them, such as `CoreSet`. None: as `embeddings_of` has them.

    Attributes:
        estimator: The one fitted last; None before.

    Raises:
        InvalidTypeError: `estimator` has no `fit`, `predict` and `get_params`, `seed` is no
            integer, or `metrics` are no functions by name.
        InvalidArgumentError: `seed` is out of its range, `classes` is no list of classes, each
            once, or is given with a regressor, which has none.
        MissingExtraError: The extra `sklearn` is not installed.

    Example:
        >>> from sklearn.ensemble import RandomForestClassifier
        >>> from baal.active.dataset.numpy import ActiveNumpyArray
        >>> from baal.active.heuristics import BALD
        >>> from baal.experiments.base import ActiveLearningExperiment
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> y = (x[:, 0] > 0).astype(int)
        >>> dataset = ActiveNumpyArray((x[:40], y[:40]), random_state=0)
        >>> dataset.label_randomly(10)
        >>> adapter = SklearnAdapter(RandomForestClassifier(n_estimators=30), seed=0)
        >>> experiment = ActiveLearningExperiment(
        ...     adapter, dataset, (x[40:], y[40:]), BALD(), query_size=15, verbose=False
        ... )
        >>> [record["n_labelled"] for record in experiment.start()]
        [10, 25, 40]
    """

    trains_on = False

    def __init__(
        self,
        estimator: Any,
        metrics: Mapping[str, Callable[[Any, Any], Any]] | None = None,
        seed: int | None = None,
        classes: Sequence[Any] | npt.NDArray[Any] | None = None,
        features: Callable[[Any], Any] | None = None,
    ) -> None:
        if not is_estimator(estimator):
            raise InvalidTypeError(
                "Expected `estimator` to have `fit`, `predict` and `get_params`, but got "
                f"{estimator!r}{', which is a class: make one of it' * isinstance(estimator, type)}"
            )
        super().__init__(estimator)
        self._is_regressor = is_regressor(estimator)
        if self._is_regressor and classes is not None:
            raise InvalidArgumentError(
                f"Expected `classes` to be None with a regressor, but got {classes!r}"
            )
        self.metrics = checked_metrics(metrics)
        self.seed = seed
        self.features = features
        self.estimator: Any = None
        self._seeds = SeedSource(seed)
        self._columns = Columns(classes)
        self._are_joint: bool | None = None

    @property
    def samples_are_joint(self) -> bool | None:  # type: ignore[override]
        """Whether the samples predicted last are joint, as members are; None before."""
        return self._are_joint

    def ready(self, dataset: Any) -> bool:
        """Look at the classes, and fit once: no estimator predicts before that.

        Args:
            dataset: The active dataset.

        Returns:
            False if nothing is labelled.
        """
        asked = self._columns.named is not None or self._is_regressor
        self._columns.begin(None if asked else all_classes(dataset))
        if dataset.n_labelled == 0:
            return False
        with self._seeds.kept():
            self.train(dataset)
        return True

    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Fit a clone.

        Args:
            dataset: The active dataset.

        Returns:
            Nothing measured.

        Raises:
            InvalidArgumentError: There are no targets, or those of a classifier are no vector.
        """
        x, y = whole_pair(dataset)
        if not self._is_regressor:
            check_vector(y)
        clone = require_extra("sklearn.base", "sklearn").clone(self.trainer)
        self.estimator = seeded_estimator(clone, self._seeds.draw).fit(x, y)
        return {}

    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Measure accuracy and log loss, or the squared error, its root and R2.

        Args:
            dataset: Items with targets.
            average_predictions: Samples of a skorch net with dropout whose mean is measured; of
                other estimators it is the mean of all members, which is their prediction.

        Returns:
            `test_accuracy` and `test_loss`, or `test_loss`, `test_rmse` and `test_r2`, and
            `metrics`.

        Raises:
            InvalidArgumentError: The items have no targets, or a target is not among `classes`.
        """
        x, targets = whole_pair(dataset)
        blocks = self._blocks(x, average_predictions)
        means = [members.aligned(self._columns.classes).mean(axis=-1) for members in blocks]
        predicted = Members(np.concatenate(means), self._columns.classes)  # [N, C]
        classes = self._columns.with_targets(targets)
        return measured(predicted.aligned(classes), targets, classes, self.metrics)

    def predict(self, dataset: Any, iterations: int) -> Iterator[Any]:
        """Predict by each member, block by block.

        Args:
            dataset: Items, with targets or without.
            iterations: Samples to draw of a skorch net with dropout; of other estimators at most so
                many members are taken, the first ones.

        Returns:
            Blocks `[B, C, K]`, or `[B, outputs, K]` of a regressor.
        """
        x, _ = whole_arrays(dataset)
        for members in self._blocks(x, iterations):
            yield members.aligned(self._columns.classes)[..., :iterations]

    def embed(self, dataset: Any) -> Any:
        """Embeddings, for heuristics that need them.

        Args:
            dataset: Items, with targets or without.

        Returns:
            `[N, D]`: of `features`, or else as `embeddings_of` has them.
        """
        x, _ = whole_arrays(dataset)
        return embeddings_of(self._fitted(), x) if self.features is None else self.features(x)

    def gradient_embed(self, dataset: Any) -> GradientEmbeddings:
        """The embeddings, with the mean prediction of all members less its most probable class.

        Args:
            dataset: Items, with targets or without.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`.

        Raises:
            InvalidArgumentError: The estimator is a regressor.
        """
        if self._is_regressor:
            raise InvalidArgumentError(
                "Expected a classifier for gradients of the cross-entropy, which the heuristic "
                f"needs, but got the regressor {type(self.trainer).__name__}"
            )
        x, _ = whole_arrays(dataset)
        blocks = self._blocks(x, 1)
        means = [members.aligned(self._columns.classes).mean(axis=-1) for members in blocks]
        return gradient_embeddings(np.concatenate(means), self.embed(dataset))

    def target_columns(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The columns of predictions that targets stand for.

        Args:
            targets: Classes `[N]`.

        Returns:
            Columns `[N]`; the number of columns for a class that none stands for.

        Raises:
            InvalidArgumentError: The estimator is a regressor, or the targets are no vector.
        """
        return self._columns.positions(targets)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: each round begins with a clone that was never fitted.

        Returns:
            An empty dict.
        """
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Forget what was fitted.

        Args:
            state_dict: What `state_dict` gave.
        """
        self.estimator, self._are_joint = None, None

    def random_parts(self) -> list[Any]:
        """What draws the seeds of each round; fitted estimators are made anew.

        Returns:
            The random state, if a `seed` was given.
        """
        return [self._seeds.random_state]

    def settings(self) -> dict[str, Any]:
        """The estimator with its parameters, at any depth.

        Returns:
            What a resumed run must have too.
        """
        return {
            "estimator": type(self.trainer).__name__,
            "parameters": described_parameters(self.trainer),
            "metrics": sorted(self.metrics),
            "seed": self.seed,
            "classes": self._columns.named,
            "features": self.features,
        }

    def _blocks(self, x: Any, draws: int) -> Iterator[Members]:
        estimator = self._fitted()
        for start in range(0, x.shape[0], _BLOCK):
            members = members_of(estimator, x[start : start + _BLOCK], draws)
            if members.classes is not None:
                check_probabilities(members.values, type(self.trainer).__name__)
            self._are_joint = members.are_joint
            self._columns.seen(members.classes)
            yield members

    def _fitted(self) -> Any:
        if self.estimator is None:
            raise StateError("Expected the estimator to be fitted, but it was not trained yet")
        return self.estimator
