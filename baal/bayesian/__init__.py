"""Makes any `nn.Module` a sampler of its own posterior."""

from baal.bayesian.consistent_dropout import (
    ConsistentDropout,
    ConsistentDropout2d,
    MCConsistentDropoutModule,
)
from baal.bayesian.dropout import Dropout, MCDropoutModule
from baal.bayesian.joint import resample
from baal.bayesian.posterior import Posterior, PosteriorModule
from baal.bayesian.sampling.keyed import keyed_generator
from baal.bayesian.weight_drop import MCDropoutConnectModule

__all__ = [
    "ConsistentDropout",
    "ConsistentDropout2d",
    "Dropout",
    "MCConsistentDropoutModule",
    "MCDropoutConnectModule",
    "MCDropoutModule",
    "Posterior",
    "PosteriorModule",
    "keyed_generator",
    "resample",
]
