"""The `Trainer` of Hugging Face Transformers, with posterior samples of whole datasets."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from baal.bayesian.sampling import check_iterations
from baal.exceptions import InvalidArgumentError
from baal.training.named_embedder import NamedEmbedder
from baal.training.named_outputs import inner_model, pad_and_join
from baal.training.predicting import mean_over_samples
from baal.utils.extras import require_extra
from baal.utils.iterutils import map_on_tensor
from baal.utils.workers import end_with_parent

require_extra("accelerate", "hf")  # without it the Trainer fails late, when it is built
Trainer: Any = require_extra("transformers", "hf").Trainer

__all__ = ["BaalTransformersTrainer"]


class BaalTransformersTrainer(NamedEmbedder, Trainer):  # type: ignore[misc]
    """A `transformers.Trainer` that draws posterior samples.

    Patch the model first (`baal.bayesian`). Classes come second whatever the model: `[N, C, K]` for
    texts and images, `[N, C, L, K]` for tokens, `[N, C, H, W, K]` for pixels. Padding, that is
    tokens whose `attention_mask` is 0, is NaN; `baal.active.heuristics.masks.valid_positions` makes
    of it the `mask` of heuristics, and the loop and the experiment do so by themselves.

    Each process predicts the whole dataset, also where several train.

    Args:
        model: As in `Trainer`, and so is all else that is not named here.
        args: `transformers.TrainingArguments`.
        replicate_in_memory: False draws one sample after the other; True leaves it to the engine,
            see `baal.bayesian.sampling.sample_posterior`.
        classes_last: Whether `logits` have the classes last, `[B, ..., C]`, or second,
            `[B, C, ...]`. None: last in `[B, L, C]` (tokens), second in `[B, C, H, W]` (pixels).
        **kwargs: Of `Trainer`. `tokenizer` is the older name of `processing_class`.

    Raises:
        InvalidArgumentError: Both `tokenizer` and `processing_class` are given.
        MissingExtraError: When the module is imported: the extra `hf` is not installed.

    Example:
        >>> import tempfile, torch
        >>> from transformers import BertConfig, BertForSequenceClassification, TrainingArguments
        >>> from baal.bayesian.dropout import patch_module
        >>> config = BertConfig(
        ...     vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2
        ... )
        >>> model = patch_module(BertForSequenceClassification(config))
        >>> texts = [{"input_ids": torch.tensor([1, 2, 3])}] * 4
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     args = TrainingArguments(folder, use_cpu=True, disable_tqdm=True, report_to="none")
        ...     BaalTransformersTrainer(model, args).predict_on_dataset(texts, iterations=5).shape
        (4, 2, 5)
    """

    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        model: nn.Module | None = None,
        args: Any = None,
        replicate_in_memory: bool = True,
        *,
        classes_last: bool | None = None,
        **kwargs: Any,
    ) -> None:
        tokenizer = kwargs.pop("tokenizer", None)
        if tokenizer is not None:
            if kwargs.get("processing_class") is not None:
                raise InvalidArgumentError(
                    "Expected `tokenizer` or `processing_class`, which mean the same, but got both."
                )
            kwargs["processing_class"] = tokenizer
        super().__init__(model=model, args=args, **kwargs)
        self.replicate_in_memory = replicate_in_memory
        self.classes_last = classes_last
        # Those that the user gave; the others are made anew for each training.
        self.own_optimizers = self.optimizer, self.lr_scheduler
        self._averaged: int | None = None
        self._look_inside()

    def _look_inside(self) -> None:
        """Read the arguments' names off the model that is inside of an `MCDropoutModule`."""
        inner = inner_model(self.model)
        if inner is self.model:
            return
        parameters = inspect.signature(inner.forward).parameters
        if self.args.label_names is None:
            find_labels = require_extra("transformers.utils", "hf").find_labels
            self.label_names = find_labels(type(inner))
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.model_accepts_loss_kwargs = getattr(inner, "accepts_loss_kwargs", takes_any)
        self._signature_columns = [*parameters, "label", "label_ids", *self.label_names]

    def predict_on_dataset_generator(
        self,
        dataset: Any,
        iterations: int = 1,
        half: bool = False,
        ignore_keys: Sequence[str] | None = None,
    ) -> Iterator[Any]:
        """Posterior samples batch by batch, in constant memory.

        Args:
            dataset: Items as the trainer's `data_collator` takes them; labels are not looked at.
            iterations: Number of posterior samples `K`.
            half: Give float16 rather than the model's own type.
            ignore_keys: Outputs to leave out; by default the `keys_to_ignore_at_inference` of the
                model's config.

        Yields:
            Arrays `[B, C, ..., K]` in the order of the dataset, as long as the batch is padded to;
            a list of them where there are several outputs.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
            InvalidTypeError: It is no whole number.
        """
        check_iterations(iterations)
        return self._predictions(dataset, iterations, half, ignore_keys)

    def _predictions(
        self, dataset: Any, iterations: int, half: bool, ignore_keys: Sequence[str] | None
    ) -> Iterator[Any]:
        for batch in self._loader(dataset):
            inputs = self.without_labels(self._prepare_inputs(batch))
            outputs = self.named_samples(inputs, iterations, ignore_keys)
            arrays = [self.as_array(name, out, inputs, half) for name, out in outputs.items()]
            yield arrays[0] if len(arrays) == 1 else arrays

    def predict_on_dataset(
        self,
        dataset: Any,
        iterations: int = 1,
        half: bool = False,
        ignore_keys: Sequence[str] | None = None,
    ) -> Any:
        """Posterior samples of a whole dataset.

        Args:
            dataset: As in `predict_on_dataset_generator`, and so is all else.
            iterations: Likewise.
            half: Likewise.
            ignore_keys: Likewise.

        Returns:
            An array `[N, C, ..., K]`, or a list of them where there are several outputs; an empty
            list for an empty dataset. Batches of tokens that are padded to different lengths are
            filled up with NaN.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
            InvalidTypeError: It is no whole number.
        """
        batches = list(self.predict_on_dataset_generator(dataset, iterations, half, ignore_keys))
        return pad_and_join(batches) if batches else []

    def _loader(self, dataset: Any) -> DataLoader[Any]:
        """All items in their order: that of `get_test_dataloader` may drop or sort them."""
        workers = self.args.dataloader_num_workers
        return DataLoader(
            dataset,
            self.args.eval_batch_size,
            collate_fn=self._get_collator_with_removed_columns(self.data_collator),
            num_workers=workers,
            worker_init_fn=end_with_parent if workers else None,
        )

    def evaluate_average(self, dataset: Any, iterations: int, prefix: str = "test") -> Any:
        """Evaluate, with outputs averaged over posterior samples.

        Args:
            dataset: As for `evaluate`.
            iterations: Number of posterior samples `K`.
            prefix: Put before the metrics' names.

        Returns:
            What `evaluate` gives. `compute_metrics` sees averaged outputs; the loss is the model's
            own, of one sample for each batch.

        Raises:
            InvalidArgumentError: `iterations` is below 1.
            InvalidTypeError: It is no whole number.
        """
        check_iterations(iterations)
        self._averaged = iterations
        try:
            return self.evaluate(dataset, metric_key_prefix=prefix)
        finally:
            self._averaged = None

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[Any, Any, Any]:
        """As in `Trainer`, which calls it; averaged inside of `evaluate_average`.

        Args:
            model: The model.
            inputs: One batch.
            prediction_loss_only: Give no outputs.
            ignore_keys: Outputs to leave out.

        Returns:
            Loss, outputs and labels.
        """
        loss, outputs, labels = super().prediction_step(
            model, inputs, prediction_loss_only, ignore_keys
        )
        if self._averaged is None or outputs is None:
            return loss, outputs, labels
        inputs = self.without_labels(self._prepare_inputs(inputs))
        samples = self.named_samples(inputs, self._averaged, ignore_keys)
        means = tuple(map_on_tensor(mean_over_samples, x) for x in samples.values())
        return loss, means[0] if len(means) == 1 else means, labels

    def load_state_dict(self, sd: Mapping[str, Any], strict: bool = True) -> None:
        """Load the model's weights; what an optimizer remembers of the old ones is dropped.

        Args:
            sd: Tensors by name.
            strict: Refuse missing and unexpected names.

        Raises:
            RuntimeError: By torch, when names or shapes do not fit.
        """
        self.model.load_state_dict(sd, strict=strict)
        self.forget_training()

    def forget_training(self) -> None:
        """Have the next `train` start with an optimizer and a scheduler that remember nothing.

        Those that the user gave are kept: of the optimizer, the state of the parameters is cleared.
        """
        self.optimizer, self.lr_scheduler = self.own_optimizers
        if self.optimizer is not None:
            self.optimizer.state.clear()
