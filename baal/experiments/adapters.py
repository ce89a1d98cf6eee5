"""What an experiment asks of a trainer, whatever the framework."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from baal.active.sources import mean_probabilities
from baal.exceptions import InvalidArgumentError
from baal.utils.gradient_embeddings import GradientEmbeddings, gradient_embeddings

__all__ = ["FrameworkAdapter"]


class FrameworkAdapter(ABC):
    """Trains, evaluates and samples a model of some framework for `ActiveLearningExperiment`.

    Subclasses define the five abstract methods.

    Args:
        trainer: The framework's own object.

    Attributes:
        samples_are_joint: Whether sample `k` of `predict` is the same function for every item; None
            where nobody knows. BatchBALD and EPIG ask for it.
        trains_on: Whether training can go on from an earlier round, which `warm_start` asks for.

    Example:
        >>> import numpy as np
        >>> class Mean(FrameworkAdapter):
        ...     def train(self, dataset):
        ...         np.add.at(self.trainer, [label for _, label in dataset], 1)
        ...         return {}
        ...     def evaluate(self, dataset, average_predictions):
        ...         p = self.predict(dataset, 1)
        ...         hits = [p[i].argmax() == label for i, (_, label) in enumerate(dataset)]
        ...         return {"test_accuracy": np.mean(hits)}
        ...     def predict(self, dataset, iterations):
        ...         p = self.trainer / self.trainer.sum()
        ...         return np.tile(p[None, :, None], (len(dataset), 1, iterations))
        ...     def state_dict(self):
        ...         return {"counts": self.trainer}
        ...     def load_state_dict(self, state_dict):
        ...         self.trainer[:] = state_dict["counts"]
        >>> adapter = Mean(np.ones(2))
        >>> _ = adapter.train([("a", 1), ("b", 1)])
        >>> adapter.predict(["c"], iterations=1).tolist()
        [[[0.25], [0.75]]]
    """

    samples_are_joint: bool | None = None
    trains_on: bool = True

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    @abstractmethod
    def train(self, dataset: Any) -> Mapping[str, Any]:
        """Train on the labelled items, from the weights of this moment.

        Args:
            dataset: The active dataset, which shows them.

        Returns:
            What was measured meanwhile, by names such as `train_loss`.
        """

    @abstractmethod
    def evaluate(self, dataset: Any, average_predictions: int) -> Mapping[str, Any]:
        """Measure the model.

        Args:
            dataset: What to measure it on.
            average_predictions: Number of posterior samples whose outputs are averaged.

        Returns:
            Metrics by names such as `test_loss`.
        """

    @abstractmethod
    def predict(self, dataset: Any, iterations: int) -> Any:
        """Draw posterior samples.

        Args:
            dataset: Items, in whatever form the dataset gives its pool.
            iterations: Number of posterior samples `K`.

        Returns:
            `[N, C, ..., K]` in the order of the items, a list of such arrays for several outputs,
            or an iterator over batches of either.
        """

    def target_columns(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Which column of the predictions each target stands for; the calibration error asks.

        Args:
            targets: `[N, ...]`, as items have them.

        Returns:
            Columns `[N, ...]`; by default the targets, which number the columns already.
        """
        return targets

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that training changes: weights, buffers, optimizer, scheduler.

        Returns:
            Tensors, arrays, numbers, strings and None, in dicts, lists and tuples. They may share
            memory with the model.
        """

    @abstractmethod
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Put back all that training changes; an experiment does so before each round.

        Args:
            state_dict: What `state_dict` gave.
        """

    def embed(self, dataset: Any) -> Any:  # noqa: ARG002 - for adapters that define it
        """Embeddings, for heuristics that need them; a subclass may do without.

        Args:
            dataset: Items, in whatever form the dataset gives its pool.

        Returns:
            `[N, D]` in the order of the items.

        Raises:
            InvalidArgumentError: A subclass did not define it.
        """
        raise InvalidArgumentError(
            "Expected `trainer` to give embeddings, which the heuristic needs, but got "
            f"{type(self).__name__}, which does not define `embed`"
        )

    def gradient_embed(self, dataset: Any) -> GradientEmbeddings:
        """Gradients with respect to the last layer, for heuristics that need them.

        By default the factors are made of `embed` and of one posterior sample, or of the mean of
        the probabilities where `predict` gives more; a subclass that has both of one forward pass
        does better.

        Args:
            dataset: Items, in whatever form the dataset gives its pool.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]` in the order of the items.

        Raises:
            InvalidArgumentError: A subclass did not define `embed`, or the model gives something
                else than one output `[N, C, K]`.
        """
        embeddings = self.embed(dataset)
        return gradient_embeddings(mean_probabilities(self.predict(dataset, 1)), embeddings)

    def gradient_lengths(self, dataset: Any) -> Any:  # noqa: ARG002 - for adapters that define it
        """Lengths of the whole model's gradients by class; a subclass may do without.

        Args:
            dataset: Items, in whatever form the dataset gives its pool.

        Returns:
            `[N, C]` in the order of the items.

        Raises:
            InvalidArgumentError: A subclass did not define it.
        """
        raise InvalidArgumentError(
            "Expected `trainer` to give gradient lengths, which the heuristic needs, but got "
            f"{type(self).__name__}, which does not define `gradient_lengths`"
        )

    def check(self) -> None:
        """Refuse a trainer that cannot train; called once, when an experiment is built.

        Raises:
            InvalidArgumentError: There is no trainer.
        """
        if self.trainer is None:
            raise InvalidArgumentError("Expected `trainer` to be a trainer, but got None")

    def ready(self, dataset: Any) -> bool:  # noqa: ARG002 - for adapters that look at it
        """Get ready to be tried on a few items; called once, when an experiment is built.

        An adapter whose model cannot predict before it was trained trains it here, and leaves all
        random states as they were; the weights are put back before the first round.

        Args:
            dataset: The active dataset.

        Returns:
            Whether the model can predict now. If not, it is tried on nothing.
        """
        return True

    def settings(self) -> dict[str, Any]:
        """What decides on the results of training: a resumed run must have the same.

        Returns:
            Anything that `baal.experiments.configuration.describe` can put into words.
        """
        return {"trainer": type(self.trainer).__name__}

    def random_parts(self) -> list[Any]:
        """What may hold random generators, whose states are kept beside `state_dict`.

        They go on from round to round, rather than start anew with the weights.

        Returns:
            Objects that `baal.experiments.plain_state.generators_in` looks into; by default the
            adapter's own attributes without the trainer, which may make others while it runs.
        """
        return [value for name, value in vars(self).items() if name != "trainer"]
