"""What the name of a metric says: which way is better, and whether it is a share."""

from baal.exceptions import InvalidArgumentError

__all__ = ["higher_is_better", "is_share", "short_name", "words_of"]

_LOWER_IS_BETTER = ("loss", "error", "err", "ece", "nll", "brier", "mse", "rmse", "mae")
_SHARES = ("error", "err", "accuracy", "acc", "ece", "f1", "precision", "recall")
_NO_SHARES = ("squared", "absolute", "abs")  # errors of a regression, in its own unit


def words_of(metric_name: str) -> list[str]:
    """The words of a name, in lower case.

    Args:
        metric_name: Words with `_` or `-` between them.

    Returns:
        One string a word.

    Example:
        >>> words_of("Test_top-5_error")
        ['test', 'top', '5', 'error']
    """
    return metric_name.lower().replace("-", "_").split("_")


def higher_is_better(metric_name: str, better: str = "auto") -> bool:
    """Whether higher values of a metric are better.

    Args:
        metric_name: Its name.
        better: "higher" or "lower" say it. "auto" goes by the name: lower for a loss, an error and
            the like (`loss`, `error`, `err`, `ece`, `nll`, `brier`, `mse`, `rmse`, `mae` as a word
            of the name), else higher.

    Returns:
        True if so.

    Raises:
        InvalidArgumentError: `better` is unknown.

    Example:
        >>> higher_is_better("test_accuracy"), higher_is_better("test_loss")
        (True, False)
    """
    if better not in {"auto", "higher", "lower"}:
        raise InvalidArgumentError(
            f"Expected `better` to be 'auto', 'higher' or 'lower', but got {better!r}"
        )
    if better != "auto":
        return better == "higher"
    return not any(word in _LOWER_IS_BETTER for word in words_of(metric_name))


def is_share(metric_name: str) -> bool:
    """Whether a metric is a number between 0 and 1 that people read in percent.

    Args:
        metric_name: Its name.

    Returns:
        True for an error, an accuracy and the like (`error`, `err`, `accuracy`, `acc`, `ece`, `f1`,
        `precision`, `recall` as a word of the name), unless it is an error of a regression
        (`squared`, `absolute`, `abs`), which has a unit of its own.

    Example:
        >>> is_share("test_error"), is_share("test_loss")
        (True, False)
    """
    words = set(words_of(metric_name))
    return not words.isdisjoint(_SHARES) and words.isdisjoint(_NO_SHARES)


def short_name(metric_name: str) -> str:
    """A name as a table shows it: without the set that it was measured on.

    Args:
        metric_name: Such as `test_error`.

    Returns:
        Its words with spaces between them, without a `test` in front.

    Example:
        >>> short_name("test_f1_macro")
        'f1 macro'
    """
    words = words_of(metric_name)
    return " ".join(words[1:] if words[0] == "test" and len(words) > 1 else words)
