"""Import path of BaaL 2.1; these classes live in `baal.device_scores`."""

from baal.device_scores import AbstractGPUHeuristic, BALDGPUWrapper

__all__ = ["AbstractGPUHeuristic", "BALDGPUWrapper"]
