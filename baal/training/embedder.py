"""The part of a wrapper that gives embeddings of datasets, and gradients of the last layer."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy.typing as npt
from torch.utils.data import Dataset
from tqdm import tqdm

from baal.bayesian.sampling.trees import n_items
from baal.training.batches import inputs_of
from baal.training.embedding import embed, gradients_of, join_rows
from baal.training.loading import make_loader
from baal.training.predicting import Predictor
from baal.utils.array_utils import to_numpy
from baal.utils.cuda_utils import to_device
from baal.utils.gradient_embeddings import GradientEmbeddings
from baal.utils.iterutils import map_on_tensor

__all__ = ["DatasetEmbedder", "Embedder"]

Array = npt.NDArray[Any]


class DatasetEmbedder(ABC):
    """What makes embeddings of whole datasets of those of batches.

    Example:
        >>> import numpy as np
        >>> class Squares(DatasetEmbedder):
        ...     def _embeddings(self, dataset, layer, verbose):
        ...         yield np.zeros((len(dataset), 2)), np.array(dataset)[:, None] ** 2
        >>> Squares().embed_on_dataset([1, 2, 3]).tolist()
        [[1], [4], [9]]
    """

    def embed_on_dataset(
        self, dataset: Any, layer: str | None = None, verbose: bool = True
    ) -> Array:
        """An embedding of each item, by the model without dropout.

        Args:
            dataset: Items as `predict_on_dataset` takes them.
            layer: Name of the layer whose output it is, as `model.named_modules()` has it. None:
                the input of the linear layer that is called last, which is most often the head.
            verbose: Show a progress bar.

        Returns:
            `[N, D]` float32 (float64 of a model in float64); where the layer has positions, the
            mean over them, or over those that are no padding. `[0, 0]` for an empty dataset.

        Raises:
            InvalidArgumentError: There is no such layer, or it has no row for each item.
        """
        return join_rows([x for _, x in self._embeddings(dataset, layer, verbose)])

    def gradient_embed_on_dataset(
        self, dataset: Any, layer: str | None = None, verbose: bool = True
    ) -> GradientEmbeddings:
        """Gradients of the cross-entropy with respect to the last layer, as their two factors.

        The most probable class stands for the label. Ash et al. (2020),
        https://arxiv.org/abs/1906.03671

        Args:
            dataset: Items as `predict_on_dataset` takes them.
            layer: As in `embed_on_dataset`; with another than the last layer's input, it is no
                gradient any more, but may do as well.
            verbose: Show a progress bar.

        Returns:
            Residuals `[N, C]` and embeddings `[N, D]`, of one pass without dropout.

        Raises:
            InvalidArgumentError: As in `embed_on_dataset`, or the model gives something else than
                one output `[B, C]`, such as the logits of tokens.
        """
        return gradients_of(self._embeddings(dataset, layer, verbose))

    @abstractmethod
    def _embeddings(
        self, dataset: Any, layer: str | None, verbose: bool
    ) -> Iterator[tuple[Any, Array]]:
        """Outputs of the model `[B, C]` and embeddings `[B, D]`, batch by batch."""


class Embedder(DatasetEmbedder, Predictor):
    """Gives embeddings of whole datasets.

    Args:
        model: Any module.
        args: How to predict.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from baal.training_args import TrainingArgs
        >>> embedder = Embedder(nn.Linear(3, 2), TrainingArgs(use_cuda=False, workers=0))
        >>> embedder.embed_on_dataset([torch.ones(3)] * 4, verbose=False).shape
        (4, 3)
    """

    def _embeddings(
        self, dataset: Dataset[Any], layer: str | None, verbose: bool
    ) -> Iterator[tuple[Any, Array]]:
        if len(dataset) == 0:  # type: ignore[arg-type]
            return
        batches = make_loader(dataset, self.args)
        for batch in tqdm(batches, desc="embed", disable=not verbose, leave=False):
            data = map_on_tensor(self._laid_out, to_device(inputs_of(batch), self.device))
            run = partial(self.model, data)
            with self._autocast():
                output, rows = embed(self.model, run, n_items(data) or 0, layer)
            yield output, to_numpy(rows)
