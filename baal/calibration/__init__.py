"""Probabilities that can be taken at their word: maps fitted on held-out predictions."""

from baal.calibration.dirichlet import DirichletCalibrator
from baal.calibration.fitting import fit_dirichlet, fit_temperature
from baal.calibration.likelihood import negative_log_likelihood, predictive_log_probabilities
from baal.calibration.maps import DirichletMap, TemperatureMap
from baal.calibration.temperature import TemperatureScaling
from baal.calibration.wrapper import CalibratedModel, CalibratedModelWrapper

__all__ = [
    "CalibratedModel",
    "CalibratedModelWrapper",
    "DirichletCalibrator",
    "DirichletMap",
    "TemperatureMap",
    "TemperatureScaling",
    "fit_dirichlet",
    "fit_temperature",
    "negative_log_likelihood",
    "predictive_log_probabilities",
]
