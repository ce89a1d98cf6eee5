"""The part of a trainer of Hugging Face models that gives embeddings of datasets."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy.typing as npt
from tqdm import tqdm

from baal.bayesian.sampling.trees import n_items
from baal.training.embedder import DatasetEmbedder
from baal.training.embedding import embed
from baal.training.named_sampling import NamedSampling
from baal.utils.array_utils import to_numpy

__all__ = ["NamedEmbedder"]

Array = npt.NDArray[Any]


class NamedEmbedder(DatasetEmbedder, NamedSampling):
    """Gives embeddings of whole datasets, by a model that is called with keywords.

    It goes before a `transformers.Trainer` among the bases, which makes the batches.

    Example:
        >>> issubclass(NamedEmbedder, NamedSampling)
        True
    """

    _loader: Any
    _prepare_inputs: Any

    def _embeddings(
        self, dataset: Any, layer: str | None, verbose: bool
    ) -> Iterator[tuple[Any, Array]]:
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
            yield outputs.get("logits"), to_numpy(rows)
