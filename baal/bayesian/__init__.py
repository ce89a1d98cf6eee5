"""Makes any `nn.Module` a sampler of its own posterior."""

from baal.bayesian.dropout import Dropout, MCDropoutModule

__all__ = ["Dropout", "MCDropoutModule"]
