"""The members of a fitted scikit-learn estimator as posterior samples: trees, bags, folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from baal.bayesian.sampling import check_iterations
from baal.exceptions import InvalidArgumentError
from baal.experiments.estimator_checks import check_classifier, check_fitted, check_probabilities
from baal.experiments.estimator_classes import Members, checked_classes
from baal.experiments.estimator_parameters import is_regressor
from baal.experiments.skorch_samples import is_net, is_stochastic, net_samples
from baal.utils.extras import require_extra

__all__ = ["members_of", "posterior_samples", "unwrapped"]

FloatArray = npt.NDArray[np.floating[Any]]


def posterior_samples(
    estimator: Any,
    x: Any,
    *,
    classes: Sequence[Any] | npt.NDArray[Any] | None = None,
    iterations: int | None = None,
) -> npt.NDArray[np.floating[Any]]:
    """The predictions of an estimator's members, as heuristics take them.

    Members are the trees of a forest, the estimators of a bagging or of a vote without weights, the
    folds of a `CalibratedClassifierCV`, and MC-Dropout samples of a skorch net whose module is
    patched; any other estimator is one sample. `Pipeline` and `GridSearchCV` are looked through.
    The mean over K is what the estimator itself predicts.

    Args:
        estimator: A fitted classifier with `predict_proba`, or a fitted regressor.
        x: Inputs `[N, ...]` in the form that it was fitted on, sparse or not.
        classes: All classes `[C]`, in the order of the columns wanted; those that the estimator has
            not seen get 0. None: the estimator's own `classes_`.
        iterations: Of a skorch net with dropout the number of samples, 20 by default; of others, at
            most so many members, the first ones. None for all.

    Returns:
        Probabilities `[N, C, K]`, or the numbers `[N, outputs, K]` of a regressor.

    Raises:
        InvalidTypeError: The estimator is neither a classifier with `predict_proba` and `classes_`
            nor a regressor.
        StateError: It was not fitted.
        InvalidArgumentError: It is a classifier of several outputs, gives no probabilities, or has
            seen a class that is not among `classes`, of which one may come twice.
        MissingExtraError: The extra `sklearn` is not installed.

    Example:
        >>> from sklearn.ensemble import RandomForestClassifier
        >>> from baal.active import ActiveLearningLoop, ActiveNumpyArray
        >>> from baal.active.heuristics import BALD
        >>> x = np.random.default_rng(0).normal(size=(50, 2))
        >>> dataset = ActiveNumpyArray((x, x[:, 0] > 0), random_state=0)
        >>> dataset.label_randomly(10)
        >>> forest = RandomForestClassifier(n_estimators=30, random_state=0)
        >>> _ = forest.fit(*dataset.dataset)
        >>> posterior_samples(forest, x).shape
        (50, 2, 30)
        >>> def predict(pool):
        ...     return posterior_samples(forest, pool[0])
        >>> ActiveLearningLoop(dataset, predict, BALD(), query_size=5).step(), len(dataset)
        (True, 15)
    """
    if iterations is not None:
        check_iterations(iterations)
    asked_for = None if classes is None else checked_classes(classes)
    members = members_of(estimator, x, 20 if iterations is None else iterations)
    return members.aligned(asked_for)[..., :iterations]


def members_of(estimator: Any, x: Any, draws: int = 20) -> Members:
    """Predict by each member of an estimator.

    Members are the trees of a forest, the estimators of a bagging or of a vote without weights, the
    folds of a `CalibratedClassifierCV`, and the posterior samples of a skorch net whose module is
    patched. Their mean is what the estimator itself predicts. Anything else is one sample. A
    pipeline and a search give those of their last step and their best estimator.

    Args:
        estimator: Fitted.
        x: Inputs `[N, ...]`, in the form that it was fitted on.
        draws: Number of samples to draw of such a net.

    Returns:
        Predictions.

    Raises:
        InvalidTypeError: The estimator is neither a classifier with `predict_proba` and `classes_`
            nor a regressor.
        StateError: It was not fitted.
        InvalidArgumentError: It is a classifier of several outputs, or gives no probabilities.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> from sklearn.ensemble import ExtraTreesRegressor
        >>> x = np.arange(8.0)[:, None]
        >>> forest = ExtraTreesRegressor(n_estimators=5, random_state=0).fit(x, x[:, 0])
        >>> members_of(forest, x).values.shape
        (8, 1, 5)
    """
    check_fitted(estimator)
    estimator, x = unwrapped(estimator, x)
    if is_regressor(estimator):
        return _regressor(estimator, x, draws)
    if is_net(estimator):
        return _net(estimator, x, draws)
    check_classifier(estimator)
    classes, name = np.asarray(estimator.classes_), type(estimator).__name__
    members = _classifier_members(estimator, x, len(classes))
    if members is None:
        members = [np.asarray(estimator.predict_proba(x))]
    values = _own_columns(np.stack(members, axis=-1), classes, name)
    check_probabilities(values, name)
    return Members(values, classes, None if _draws(estimator) else True)


def unwrapped(estimator: Any, x: Any) -> tuple[Any, Any]:
    """The estimator at the end of pipelines and searches, and what it is given.

    Args:
        estimator: Fitted.
        x: Inputs `[N, ...]`.

    Returns:
        The estimator, and inputs for it.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> pipeline = make_pipeline(StandardScaler(), Ridge()).fit([[0.0], [2.0]], [0, 1])
        >>> unwrapped(pipeline, [[3.0]])
        (Ridge(), array([[2.]]))
    """
    pipeline = require_extra("sklearn.pipeline", "sklearn").Pipeline
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, pipeline):
            for _, step in estimator.steps[:-1]:
                x = x if step in (None, "passthrough") else step.transform(x)
            estimator = estimator.steps[-1][1]
        else:
            return estimator, x


def _own_columns(values: FloatArray, classes: npt.NDArray[Any], name: str) -> FloatArray:
    """Probabilities `[N, c, K]` with a column for each class that was seen."""
    if len(classes) == 1 and values.shape[1] > 1:  # some think of a second class; it has seen one
        return np.ones_like(values[:, :1])
    if values.shape[1] != len(classes):
        raise InvalidArgumentError(
            f"Expected `predict_proba` of a {name} to give a column for each of its "
            f"{len(classes)} classes, but got {values.shape[1]}"
        )
    return values


def _classifier_members(estimator: Any, x: Any, n_classes: int) -> list[FloatArray] | None:
    """Probabilities `[N, C]` of each member; None if there are none."""
    ensemble = require_extra("sklearn.ensemble", "sklearn")
    calibration = require_extra("sklearn.calibration", "sklearn")
    if _is_forest(estimator):
        return [leaves[:, 0, :n_classes] for leaves in _leaves(estimator, x)]
    if isinstance(estimator, ensemble.BaggingClassifier):
        return [_by_position(member, part, n_classes) for member, part in _bags(estimator, x)]
    if isinstance(estimator, calibration.CalibratedClassifierCV):
        folds = estimator.calibrated_classifiers_
        return [np.asarray(fold.predict_proba(x)) for fold in folds]
    if isinstance(estimator, ensemble.VotingClassifier) and estimator.weights is None:
        return [np.asarray(voter.predict_proba(x)) for voter in estimator.estimators_]
    return None


def _regressor(estimator: Any, x: Any, draws: int) -> Members:
    ensemble = require_extra("sklearn.ensemble", "sklearn")
    if is_net(estimator) and is_stochastic(estimator.module_):
        values, are_joint = net_samples(estimator, x, draws)
        return Members(values, None, are_joint)
    members: Sequence[Any]
    if _is_forest(estimator):
        members = [leaves[:, :, 0] for leaves in _leaves(estimator, x)]
    elif isinstance(estimator, ensemble.BaggingRegressor):
        members = [member.predict(part) for member, part in _bags(estimator, x)]
    elif isinstance(estimator, ensemble.VotingRegressor) and estimator.weights is None:
        members = [voter.predict(x) for voter in estimator.estimators_]
    else:
        members = [estimator.predict(x)]
    columns = [np.asarray(values).reshape(len(values), -1) for values in members]
    return Members(np.stack(columns, axis=-1), None, None if _draws(estimator) else True)


def _net(net: Any, x: Any, draws: int) -> Members:
    """A net's columns are classes 0 to C - 1, whichever of them it has seen."""
    if is_stochastic(net.module_):
        values, are_joint = net_samples(net, x, draws)
    else:
        values, are_joint = np.asarray(net.predict_proba(x))[..., None], True
    return Members(values, np.arange(values.shape[1]), are_joint)


def _draws(ensemble: Any) -> bool:
    """Whether members are nets with dropout, which draw anew whenever they predict."""
    folds = [fold.estimator for fold in getattr(ensemble, "calibrated_classifiers_", ())]
    members = [*folds, *getattr(ensemble, "estimators_", ())]
    return any(is_net(member) and is_stochastic(member.module_) for member in members)


def _is_forest(estimator: Any) -> bool:
    kinds = require_extra("sklearn.ensemble", "sklearn")
    # Its subclasses elsewhere, such as balanced forests, are forests too.
    forests = (kinds.RandomForestClassifier, kinds.ExtraTreesClassifier)
    return isinstance(estimator, (*forests, kinds.RandomForestRegressor, kinds.ExtraTreesRegressor))


def _leaves(forest: Any, x: Any) -> list[FloatArray]:
    """What is in the leaf of each item, `[N, outputs, C]`, tree by tree; C is 1 for numbers."""
    # The forest's own check of the inputs and its threads, which its trees alone do not have.
    leaf_of = forest.apply(x)  # [N, trees]
    return [tree.tree_.value[leaf_of[:, k]] for k, tree in enumerate(forest.estimators_)]


def _bags(bagging: Any, x: Any) -> list[tuple[Any, Any]]:
    """Each member, and the columns of the inputs that it was fitted on."""
    require_extra("sklearn.utils.validation", "sklearn").check_is_fitted(bagging)
    # Members were fitted on arrays without names, and on sparse matrices as they are.
    table = x.tocsr() if hasattr(x, "tocsr") else np.asarray(x)
    pairs = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    return [(member, table[:, features]) for member, features in pairs]


def _by_position(member: Any, x: Any, n_classes: int) -> FloatArray:
    """Probabilities `[N, C]` of a member whose classes are positions; 0 for those it never saw."""
    if not hasattr(member, "predict_proba"):  # it has a vote
        return np.eye(n_classes)[np.asarray(member.predict(x), dtype=np.int64)]
    probabilities = np.zeros((x.shape[0], n_classes))
    probabilities[:, np.asarray(member.classes_, dtype=np.int64)] = member.predict_proba(x)
    return probabilities
