"""What holds for all tests.

What needs torchvision is left to `make test-vision`, which has an environment of its own. Property
tests have no deadline: on a busy machine it would be the machine that fails. They look at the same
examples each time, so that a commit passes or fails whoever runs it; `make fuzz` looks at new ones.
"""

from importlib.util import find_spec

from hypothesis import settings

__all__ = ["NEED_TORCHVISION", "collect_ignore"]

# Their coverage is measured there too: `[tool.coverage.run]` leaves them out.
NEED_TORCHVISION = ["baal/experiments/datasets/cifar.py", "baal/experiments/vision_models.py"]

collect_ignore = [] if find_spec("torchvision") else ["tests/vision", *NEED_TORCHVISION]

settings.register_profile("baal", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("baal")
