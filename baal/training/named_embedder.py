"""The part of a trainer of Hugging Face models that gives embeddings of datasets."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy.typing as npt
from tqdm import tqdm

from baal.bayesian.sampling.trees import n_items
from baal.training.embedding import embed, gradients_of, join_rows
from baal.training.named_sampling import NamedSampling
from baal.utils.array_utils import to_numpy
from baal.utils.gradient_embeddings import GradientEmbeddings

__all__ = ["NamedEmbedder"]

Array = npt.NDArray[Any]


class NamedEmbedder(NamedSampling):
    """Gives embeddings of whole datasets, by a model that is called with keywords.

    It goes before a `transformers.Trainer` among the bases, which makes the batches.

    Example:
        >>> issubclass(NamedEmbedder, NamedSampling)
        True
    """

    _loader: Any
    _prepare_inputs: Any

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
            `[N, D]` float32 (float64 of a model in float64); where the layer has positions, such as
            tokens, the mean over those that are not padding. `[0, 0]` for an empty dataset.

        Raises:
            InvalidArgumentError: There is no such layer, or it has no row for each item.
        """
        return join_rows([rows for _, rows in self._embeddings(dataset, layer, verbose)])

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
            InvalidArgumentError: As in `embed_on_dataset`, or the logits are not `[B, C]`, such as
                those of tokens.
        """
        pairs = self._embeddings(dataset, layer, verbose)
        return gradients_of((outputs.get("logits"), rows) for outputs, rows in pairs)

    def _embeddings(
        self, dataset: Any, layer: str | None, verbose: bool
    ) -> Iterator[tuple[dict[str, Any], Array]]:
        model = self._sampler_for(None)
        for batch in tqdm(self._loader(dataset), "embed", disable=not verbose, leave=False):
            inputs = self.without_labels(self._prepare_inputs(batch))
            outputs, rows = embed(
                self.model,
                partial(model, inputs),
                n_items(inputs) or 0,
                layer,
                self.mask_of(inputs),
            )
            yield outputs, to_numpy(rows)
