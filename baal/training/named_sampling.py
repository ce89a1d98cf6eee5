"""The part of a trainer of Hugging Face models that samples: batches in, arrays out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from baal.bayesian.sampling import sample_posterior, samples_are_joint
from baal.training.modes import eval_mode
from baal.training.named_outputs import (
    NamedOutputs,
    classes_second,
    fits,
    inner_model,
    mask_padding,
)
from baal.utils.array_utils import to_numpy
from baal.utils.iterutils import map_on_tensor

__all__ = ["NamedSampling"]


class NamedSampling:
    """Draws posterior samples of a model that is called with keywords.

    Attributes:
        model: The model.
        replicate_in_memory: Leave the way of sampling to the engine, rather than draw one sample
            after the other.
        classes_last: Of `classes_second`.
        label_names: Arguments of the model that are labels, beside the usual ones.

    Example:
        >>> from baal.bayesian.dropout import patch_module
        >>> sampling = NamedSampling()
        >>> sampling.model = patch_module(nn.Dropout(0.5))
        >>> samples = sampling.named_samples({"input": torch.ones(2, 3)}, iterations=5)
        >>> samples["logits"].shape
        torch.Size([2, 3, 5])
    """

    model: Any
    replicate_in_memory: bool = True
    classes_last: bool | None = None
    label_names: Sequence[str] = ()
    _sampler: NamedOutputs | None = None
    _masks_padding = False

    @property
    def sampled_model(self) -> nn.Module:
        """What posterior samples were drawn of last: the model, called with keywords."""
        return self._sampler_for(None) if self._sampler is None else self._sampler

    @property
    def samples_are_joint(self) -> bool | None:
        """Whether the samples predicted last are joint; None if nothing was predicted yet."""
        return None if self._sampler is None else samples_are_joint(self._sampler)

    @property
    def masks_padding(self) -> bool:
        """Whether the predictions made last are of tokens, of which padding is NaN."""
        return self._masks_padding

    def named_samples(
        self,
        inputs: Mapping[str, Any],
        iterations: int,
        ignore_keys: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Posterior samples of one batch; the model is in eval mode meanwhile.

        Args:
            inputs: The model's keyword arguments, tensors `[B, ...]`.
            iterations: Number of posterior samples `K`.
            ignore_keys: Outputs to leave out; by default those that the model's config names.

        Returns:
            By name, tensors `[B, ..., K]` with the other axes as the model has them.
        """
        with eval_mode(self.model):
            sampler = self._sampler_for(ignore_keys)
            samples: dict[str, Any] = sample_posterior(
                sampler, inputs, iterations, "auto" if self.replicate_in_memory else "loop"
            )
        return samples

    def _sampler_for(self, ignore_keys: Sequence[str] | None) -> NamedOutputs:
        """The same object for the same model: the engine remembers what it found out about it."""
        if ignore_keys is None:
            config = getattr(inner_model(self.model), "config", None)
            ignore_keys = getattr(config, "keys_to_ignore_at_inference", ["past_key_values"])
        known, keys = self._sampler, tuple(ignore_keys)
        if known is None or known.model is not self.model or known.ignore_keys != keys:
            self._sampler = known = NamedOutputs(self.model, keys)
        return known

    def without_labels(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What the model is given to predict: labels may be missing, and would have it make a loss.

        Args:
            inputs: A batch by names.

        Returns:
            The batch without labels.
        """
        left_out = {"label", "labels", "label_ids", *self.label_names}
        return {name: value for name, value in inputs.items() if name not in left_out}

    def mask_of(self, inputs: Mapping[str, Any]) -> Any:
        """Which tokens are not padding, of those that the outputs are about.

        Args:
            inputs: What the model is given.

        Returns:
            `[B, L]`, 0 where a token is padding; None if that is not said.
        """
        config = getattr(inner_model(self.model), "config", None)
        decodes = getattr(config, "is_encoder_decoder", False)
        return inputs.get("decoder_attention_mask" if decodes else "attention_mask")

    def as_array(self, name: str, output: Any, inputs: Mapping[str, Any], half: bool) -> Any:
        """An output as heuristics take it.

        Args:
            name: Of the output.
            output: `[B, ..., K]` with the axes of the model, or a tuple of such tensors.
            inputs: What the model was given.
            half: Give float16 rather than the tensor's own type.

        Returns:
            An array `[B, C, ..., K]`, padding of tokens NaN; for a tuple a list of arrays.
        """
        if not isinstance(output, torch.Tensor):  # such as the hidden states of all layers
            return map_on_tensor(lambda leaf: to_numpy(leaf, half), list(output))
        output = classes_second(name, output, self.classes_last)
        if name == "logits":
            mask = self.mask_of(inputs)
            self._masks_padding = fits(output, mask)
            output = mask_padding(output, mask)
        return to_numpy(output, half)
