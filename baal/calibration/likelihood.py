"""What K posterior samples together say of the targets, and the penalty of a Dirichlet map."""

import math

import torch
from torch.nn import functional as F

__all__ = [
    "IGNORED",
    "negative_log_likelihood",
    "odir_penalty",
    "predictive_log_probabilities",
    "predictive_logits",
]

IGNORED = -100  # the target that cross-entropy leaves out


def predictive_log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    r"""The logarithm of the predictive distribution of K posterior samples.

    $$\log p(y|x) = \log \frac{1}{K} \sum_k \mathrm{softmax}(z_k)_y$$

    Args:
        logits: `[N, C, ..., K]`.

    Returns:
        `[N, C, ...]`.

    Example:
        >>> sure_of_another_class_each = torch.tensor([[[50.0, -50.0], [-50.0, 50.0]]])
        >>> predictive_log_probabilities(sure_of_another_class_each).exp()
        tensor([[0.5000, 0.5000]])
    """
    mean = logits.log_softmax(dim=1).logsumexp(dim=-1)
    return mean - math.log(logits.shape[-1])


def predictive_logits(logits: torch.Tensor) -> torch.Tensor:
    r"""Logits of the predictive distribution of K posterior samples.

    Args:
        logits: `[N, C, ..., K]`; with a single output, that of a Bernoulli.

    Returns:
        `[N, C, ...]`: their softmax, or the sigmoid of a single output, is the mean probability.

    Example:
        >>> sure_of_another_outcome_each = torch.tensor([[[50.0, -50.0]]])
        >>> predictive_logits(sure_of_another_outcome_each).sigmoid()
        tensor([[0.5000]])
    """
    if logits.shape[1] > 1:
        return predictive_log_probabilities(logits)
    log_p = predictive_log_probabilities(torch.cat([torch.zeros_like(logits), logits], dim=1))
    return log_p[:, 1:] - log_p[:, :1]


def negative_log_likelihood(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean negative logarithm of the predictive probability of the targets.

    Args:
        logits: `[N, C, ..., K]`, K posterior samples.
        targets: Classes `[N, ...]`; -100 is left out.

    Returns:
        A scalar, in nats; 0 where no target counts.

    Example:
        >>> negative_log_likelihood(torch.zeros(3, 4, 1), torch.tensor([0, 1, -100]))
        tensor(1.3863)
    """
    total = F.nll_loss(
        predictive_log_probabilities(logits), targets, ignore_index=IGNORED, reduction="sum"
    )
    return total / (targets != IGNORED).sum().clamp_min(1)


def odir_penalty(
    weight: torch.Tensor, bias: torch.Tensor, reg_factor: float, mu: float
) -> torch.Tensor:
    r"""Off-diagonal and intercept regularisation (ODIR) of a Dirichlet map.

    $$\lambda \frac{1}{C(C-1)} \sum_{i \ne j} w_{ij}^2 + \mu \frac{1}{C} \sum_j b_j^2$$

    The diagonal is free: it is the temperature of each class. Kull et al. (2019),
    https://arxiv.org/abs/1910.12656.

    Args:
        weight: `[C, C]`.
        bias: `[C]`.
        reg_factor: The factor of the weights, lambda.
        mu: The factor of the intercepts.

    Returns:
        A scalar.

    Example:
        >>> weight = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
        >>> odir_penalty(weight, torch.tensor([1.0, 1.0]), reg_factor=0.1, mu=0.5)
        tensor(0.7000)
    """
    n_classes = len(bias)
    off_diagonal = weight.square().sum() - weight.diagonal().square().sum()
    return reg_factor * off_diagonal / (n_classes * (n_classes - 1)) + mu * bias.square().mean()
