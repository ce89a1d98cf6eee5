"""The names that users import; a name that goes missing breaks somebody's script."""

import importlib

import pytest

SURFACE = {
    "baal": {"ActiveLearningDataset", "ModelWrapper", "__version__"},
    "baal.active": {
        "ActiveLearningDataset", "ActiveLearningLoop", "ActiveNumpyArray", "FileDataset",
        "get_heuristic",
    },
    "baal.active.active_loop": {"ActiveLearningLoop", "Proposal"},
    "baal.bayesian": {
        "ConsistentDropout", "ConsistentDropout2d", "Dropout", "MCConsistentDropoutModule",
        "MCDropoutConnectModule", "MCDropoutModule", "Posterior", "PosteriorModule",
        "keyed_generator", "resample",
    },
    "baal.active.dataset.nlp_datasets": {
        "HuggingFaceDatasets", "active_huggingface_dataset", "hide_label",
    },
    "baal.active.file_dataset": {"FileDataset", "default_image_load_fn"},
    "baal.active.heuristics": {
        "AbstractHeuristic", "BALD", "BatchBALD", "Certainty", "CombineHeuristics",
        "BatchHeuristic", "Choice", "CoreSet", "GradientEmbeddings", "PoolData", "PoolHeuristic",
        "gradient_embeddings",
        "ConsensusKL", "EPIG", "Entropy", "GaussianBALD", "GaussianEPIG", "GaussianHeuristic",
        "GibbsSampling", "Margin", "MeanSTD", "MultiLabelBALD", "MultiLabelEntropy",
        "MultiLabelHeuristic", "MultiLabelMargin", "PointwiseHeuristic", "PowerBALD",
        "PowerEntropy", "PowerSampling", "Precomputed", "PredictiveVariance", "Random",
        "RankBasedSampling", "StochasticHeuristic", "Variance", "VariationRatio", "VoteEntropy",
        "available_heuristics", "available_reductions", "fitting_heuristic", "get_heuristic",
        "quantile", "register_heuristic", "require_single_item", "requireprobs", "singlepass",
        "top_k_mean",
    },
    "baal.active.heuristics.aliases": {
        "PowerBALD", "PowerEntropy",
    },
    "baal.active.heuristics.functional": {
        "k_center",
        "certainty", "expected_entropy", "gaussian_entropy", "gaussian_expected_entropy",
        "gaussian_mutual_information", "label_entropy", "label_expected_entropy",
        "label_margin", "label_mutual_information", "margin", "mean_kl_to_consensus",
        "mean_standard_deviation", "mutual_information", "predictive_entropy",
        "predictive_variance", "soft_vote_entropy", "variance", "variation_ratio",
        "vote_entropy", "votes",
    },
    "baal.active.heuristics.heuristics": {
        "AbstractHeuristic", "BALD", "BatchBALD", "Certainty", "CombineHeuristics", "EPIG",
        "Entropy", "Margin", "Precomputed", "Random", "Variance", "available_reductions",
        "require_single_item", "requireprobs", "singlepass",
    },
    "baal.active.heuristics.heuristics_gpu": {"AbstractGPUHeuristic", "BALDGPUWrapper"},
    "baal.active.heuristics.stochastics": {
        "GibbsSampling", "PowerSampling", "RankBasedSampling", "StochasticHeuristic",
    },
    "baal.active.stopping_criteria": {
        "AllStoppingCriterion", "AnyStoppingCriterion", "EarlyStoppingCriterion",
        "LabelCountsStoppingCriterion", "LabellingBudgetStoppingCriterion",
        "LowAverageUncertaintyStoppingCriterion",
        "StabilizingPredictionsStoppingCriterion", "StoppingCriterion",
        "TargetMetricStoppingCriterion", "WallClockStoppingCriterion",
    },
    "baal.bayesian.caching_utils": {
        "LRUCacheModule", "MCCachingModule", "patch_module", "unpatch_module",
    },
    "baal.bayesian.common": {
        "BayesianModule", "TransparentModule", "patch_layers", "replace_layers",
        "replace_layers_in_module",
    },
    "baal.bayesian.dropout": {
        "AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout",
        "MCDropoutModule", "patch_module", "unpatch_module",
    },
    "baal.bayesian.consistent_dropout": {
        "ConsistentDropout", "ConsistentDropout2d", "MCConsistentDropoutModule", "patch_module",
        "resample", "unpatch_module",
    },
    "baal.bayesian.posterior": {"Posterior", "PosteriorModule", "check_same_architecture"},
    "baal.bayesian.weight_drop": {
        "MCDropoutConnectModule", "WeightDropConv1d", "WeightDropConv2d", "WeightDropConv3d",
        "WeightDropGRU", "WeightDropLSTM", "WeightDropLinear", "get_weight_drop_module",
        "patch_module", "resample", "unpatch_module",
    },
    "baal.calibration": {
        "CalibratedModel", "CalibratedModelWrapper", "DirichletCalibrator", "DirichletMap",
        "TemperatureMap", "TemperatureScaling", "fit_dirichlet", "fit_temperature",
        "negative_log_likelihood", "predictive_log_probabilities",
    },
    "baal.ensemble": {"Ensemble", "EnsembleModelWrapper", "ensemble_prediction"},
    "baal.metrics": {"available_metrics", "get_metric"},
    "baal.metrics.mixin": {"MetricMixin"},
    "baal.modelwrapper": {"ModelWrapper", "TrainingArgs", "mc_inference"},
    "baal.transformers_trainer_wrapper": {"BaalTransformersTrainer"},
    "baal.experiments.transformers": {"TransformersAdapter"},
    "baal.utils.metrics": {
        "Accuracy", "ClassificationReport", "ECE", "ECE_PerCLs", "F1", "F1ByClass", "Loss",
        "Metrics", "PRAuC", "Precision", "Recall",
    },
    "baal.utils.array_utils": {"concatenate_batches", "stack_in_memory", "to_numpy", "to_prob"},
    "baal.utils.cuda_utils": {"to_cuda", "to_device"},
    "baal.utils.equality": {"assert_not_none", "deep_check"},
    "baal.utils.iterutils": {"map_on_tensor"},
    "baal.utils.log_configuration": {"get_logger", "set_logger_config"},
    "baal.utils.plot_utils": {"make_animation_from_data"},
    "baal.utils.ssl_iterator": {"AlternateIterator", "SemiSupervisedIterator"},
    "baal.utils.transforms": {
        "BaaLCompose", "BaaLTransform", "GetCanvas", "PILToLongTensor", "apply_transform",
        "image_shape",
    },
}  # fmt: skip


@pytest.mark.parametrize("module", SURFACE)
def test_surface(module):
    loaded = importlib.import_module(module)
    assert set(loaded.__all__) == SURFACE[module]
    for name in loaded.__all__:
        assert getattr(loaded, name) is not None
    assert set(loaded.__all__) - {"__version__"} <= set(dir(loaded))


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'baal' has no attribute 'nope'"):
        importlib.import_module("baal").nope
