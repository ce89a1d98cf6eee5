"""Which way imports go: downward only, without cycles, and nothing heavy before its time."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "baal"

LEAVES = {"baal.exceptions", "baal.utils"}
# Room -> the rooms it may import from, beside itself. Data flows one way: dataset -> posterior
# samples -> scores -> loop; the loop gets the predictor as an argument.
ROOMS = {
    "baal.exceptions": set(),
    "baal.utils": {"baal.exceptions"},
    "baal.metrics": LEAVES,
    "baal.active.heuristics": LEAVES,
    "baal.active.label_store": LEAVES,
    "baal.active.dataset": LEAVES | {"baal.active.label_store"},
    "baal.active.file_dataset": LEAVES | {"baal.active.dataset"},
    "baal.bayesian": LEAVES,
    "baal.active.supply": LEAVES | {"baal.active.heuristics"},
    "baal.active.active_loop": LEAVES
    | {"baal.active.dataset", "baal.active.heuristics", "baal.active.supply"},
    "baal.active.stopping_criteria": LEAVES | {"baal.active.dataset"},
    "baal.training_args": LEAVES | {"baal.bayesian"},
    "baal.training": LEAVES | {"baal.bayesian", "baal.training_args"},
    "baal.modelwrapper": LEAVES
    | {"baal.bayesian", "baal.metrics", "baal.training", "baal.training_args"},
    "baal.transformers_trainer_wrapper": LEAVES | {"baal.bayesian", "baal.training"},
    "baal.device_scores": LEAVES
    | {"baal.active.heuristics", "baal.modelwrapper", "baal.training_args"},
    "baal.ensemble": LEAVES | {"baal.bayesian", "baal.modelwrapper", "baal.training_args"},
    "baal.calibration": LEAVES
    | {"baal.bayesian", "baal.modelwrapper", "baal.training", "baal.training_args"},
    "baal.experiments": LEAVES
    | {"baal.active.active_loop", "baal.active.dataset", "baal.active.heuristics"}
    | {"baal.active.supply"}
    | {"baal.active.file_dataset", "baal.active.stopping_criteria"}
    | {"baal.bayesian", "baal.calibration", "baal.metrics", "baal.modelwrapper"}
    | {"baal.training", "baal.training_args"},
}
# Lazy façades: they name their rooms' homes as text, and import them for type checkers alone.
FACADES = {"baal", "baal.active", "baal.active.dataset", "baal.active.label_store"}
# What is made of a framework's own class cannot be imported without the framework.
NEED_AN_EXTRA = {"baal.transformers_trainer_wrapper"}
# Old import paths that only re-export from a proper home; nothing imports them.
COMPATIBILITY_PATHS = {
    "baal.active.heuristics.heuristics",
    "baal.active.heuristics.heuristics_gpu",
}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


class Imports(ast.NodeVisitor):
    """Modules of baal imported at run time, at any depth; `if TYPE_CHECKING` is left out."""

    def __init__(self):
        self.found = set()

    def visit_If(self, node):
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node = ast.Module(node.orelse, [])
        self.generic_visit(node)

    def visit_Import(self, node):
        self.found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "baal"}

    def visit_ImportFrom(self, node):
        assert node.level == 0, "relative imports hide where a name lives"
        if node.module.split(".")[0] == "baal":
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                self.found.add(below if below in MODULES else node.module)


def imports_of(name):
    visitor = Imports()
    visitor.visit(ast.parse(MODULES[name].read_text(encoding="utf-8")))
    return visitor.found - {name}


GRAPH = {name: imports_of(name) for name in MODULES}


def room_of(name):
    rooms = [room for room in ROOMS if name == room or name.startswith(room + ".")]
    assert len(rooms) == 1, f"{name} is in no room: give it one in ROOMS, with what it may import"
    return rooms[0]


@pytest.mark.parametrize("name", sorted(set(MODULES) - FACADES - COMPATIBILITY_PATHS))
def test_imports_go_downward(name):
    room = room_of(name)
    for target in GRAPH[name]:
        assert target not in FACADES, f"{name} imports the façade {target}, not the name's home"
        assert room_of(target) in ROOMS[room] | {room}, f"{name} must not import {target}"


def test_facades_import_nothing_but_leaves():
    for name in FACADES:
        assert GRAPH[name] <= {"baal.utils.lazy"}


def test_nothing_imports_a_compatibility_path():
    for name, targets in GRAPH.items():
        assert not targets & COMPATIBILITY_PATHS, name


def test_there_is_no_cycle():
    done, path = set(), []

    def walk(name):
        assert name not in path, f"cycle: {' -> '.join([*path[path.index(name) :], name])}"
        if name in done:
            return
        path.append(name)
        for target in GRAPH[name]:
            walk(target)
        path.pop()
        done.add(name)

    for name in MODULES:
        walk(name)


def loaded_by(code, *, without=()):
    """Modules loaded by a piece of code, in a fresh interpreter that cannot import some."""
    block = f"import sys\nfor name in {list(without)!r}: sys.modules[name] = None\n"
    show = "\nprint(*(name for name in sys.modules if sys.modules[name] is not None))"
    done = subprocess.run(
        [sys.executable, "-c", block + code + show], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


HEAVY = {"torch", "numpy", "scipy", "structlog", "tqdm", "matplotlib", "sklearn", "mlxtend"}


def test_importing_baal_loads_nothing_heavy():
    assert not loaded_by("import baal, baal.active") & HEAVY


def test_heuristics_work_where_torch_is_not_installed():
    code = (
        "import numpy as np\n"
        "from baal.active.heuristics import BALD\n"
        "from baal.active import get_heuristic\n"
        "p = np.array([[[1., 0.], [0., 1.]], [[.5, .5], [.5, .5]]])\n"
        "ranks, scores = get_heuristic('bald').get_ranks(p)\n"
        "assert list(ranks) == [0, 1] and abs(scores[0] - np.log(2)) < 1e-9\n"
    )
    assert "torch" not in loaded_by(code, without=["torch"])


def test_the_whole_library_imports_without_any_extra():
    names = sorted(set(MODULES) - NEED_AN_EXTRA)
    extras = ["matplotlib", "sklearn", "mlxtend", "torchvision", "transformers", "lightning"]
    extras += ["PIL", "datasets", "tokenizers", "torchmetrics", "skorch", "accelerate"]
    loaded = loaded_by(
        f"import importlib\nfor n in {names}: importlib.import_module(n)", without=extras
    )
    assert not loaded & set(extras)


def test_without_scikit_learn_its_use_says_which_extra_to_install():
    code = (
        "from types import SimpleNamespace\n"
        "from baal.exceptions import MissingExtraError\n"
        "from baal.experiments.base import ActiveLearningExperiment\n"
        "from baal.experiments.estimator_samples import posterior_samples\n"
        "from baal.experiments.estimators import SklearnAdapter\n"
        "forest = SimpleNamespace(fit=len, predict=len, get_params=dict)\n"
        "for use in (SklearnAdapter, lambda one: posterior_samples(one, [[0.0]])):\n"
        "    try:\n        use(forest)\n"
        "    except MissingExtraError as error:\n"
        "        assert \"pip install '.[sklearn]'\" in str(error)\n"
        "    else:\n        raise AssertionError\n"
    )
    assert not loaded_by(code, without=["sklearn", "skorch"]) & {"sklearn", "skorch"}


@pytest.mark.parametrize("missing", ["transformers", "accelerate"])
def test_what_needs_an_extra_says_which(missing):
    code = (
        "from baal.exceptions import MissingExtraError\n"
        "try:\n    import baal.transformers_trainer_wrapper\n"
        f"except MissingExtraError as error:\n    assert '`{missing}`' in str(error), error\n"
        "    assert 'extra `hf`' in str(error), error\n"
        "else:\n    raise AssertionError\n"
    )
    assert missing not in loaded_by(code, without=[missing])


def test_importing_configures_no_logging():
    code = (
        "import logging, baal.modelwrapper, baal.active.active_loop\n"
        "assert not logging.getLogger().handlers\n"
        "import structlog\nassert not structlog.is_configured()\n"
    )
    loaded_by(code)
