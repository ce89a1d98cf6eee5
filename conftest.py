"""What needs torchvision is left to `make test-vision`, which has an environment of its own."""

from importlib.util import find_spec

__all__ = ["NEED_TORCHVISION", "collect_ignore"]

# Their coverage is measured there too: `[tool.coverage.run]` leaves them out.
NEED_TORCHVISION = ["baal/experiments/datasets/cifar.py", "baal/experiments/vision_models.py"]

collect_ignore = [] if find_spec("torchvision") else ["tests/vision", *NEED_TORCHVISION]
