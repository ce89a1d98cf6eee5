"""The reference in the docs leaves out no public name."""

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.test_import_graph import MODULES
from tests.test_public_surface import SURFACE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ENTRY = re.compile(r"^::: (?P<name>\S+)\n(?:    options: (?P<options>\{.*\}))?", re.MULTILINE)
BLOCK = re.compile(r"^```py(?:thon)?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def entries():
    """What the reference shows: names of modules and of what is in them, with their options."""
    for page in sorted((ROOT / "docs" / "reference").glob("*.md")):
        for match in ENTRY.finditer(page.read_text(encoding="utf-8")):
            yield match["name"], yaml.safe_load(match["options"] or "{}")


SHOWN = dict(entries())


# What other modules are made of: no page has users import from it, and no package hands its names
# on (but for types, which have a line of their own in docs/reference). Whatever users are to import
# or to subclass does not belong here.
INTERNAL = {
    "baal.active.dataset.answers",
    "baal.active.dataset.asking",
    "baal.active.dataset.augmentation",
    "baal.active.dataset.indices",
    "baal.active.dataset.label_map",
    "baal.active.dataset.labelling",
    "baal.active.dataset.nlp_labels",
    "baal.active.dataset.nlp_tokens",
    "baal.active.dataset.random_state",
    "baal.active.dataset.reading",
    "baal.active.dataset.recording",
    "baal.active.dataset.replay",
    "baal.active.dataset.shown",
    "baal.active.dataset.snapshot",
    "baal.active.dataset.sorted_arrays",
    "baal.active.dataset.specifics",
    "baal.active.dataset.split",
    "baal.active.dataset.split_state",
    "baal.active.dataset.validation",
    "baal.active.dataset.values",
    "baal.active.dataset.waiting",
    "baal.active.heuristics.arguments",
    "baal.active.heuristics.functional.distances",
    "baal.active.heuristics.functional.fisher_updates",
    "baal.active.heuristics.functional.leaving",
    "baal.active.heuristics.functional.sums",
    "baal.active.heuristics.greedy",
    "baal.active.heuristics.information",
    "baal.active.heuristics.joint_entropy",
    "baal.active.heuristics.on_top",
    "baal.active.heuristics.predictions",
    "baal.active.heuristics.ranking",
    "baal.active.heuristics.shuffling",
    "baal.active.label_store.connection",
    "baal.active.label_store.events",
    "baal.active.label_store.schema",
    "baal.bayesian.patched_classes",
    "baal.bayesian.sampling.attention",
    "baal.bayesian.sampling.axes",
    "baal.bayesian.sampling.choice",
    "baal.bayesian.sampling.comparing",
    "baal.bayesian.sampling.context",
    "baal.bayesian.sampling.dropping",
    "baal.bayesian.sampling.dropping_attention",
    "baal.bayesian.sampling.dropping_recurrent",
    "baal.bayesian.sampling.hidden",
    "baal.bayesian.sampling.keeping",
    "baal.bayesian.sampling.memory",
    "baal.bayesian.sampling.one_function",
    "baal.bayesian.sampling.plan",
    "baal.bayesian.sampling.prefix",
    "baal.bayesian.sampling.probe",
    "baal.bayesian.sampling.recording",
    "baal.bayesian.sampling.recurrent",
    "baal.bayesian.sampling.scaling",
    "baal.bayesian.sampling.state",
    "baal.bayesian.sampling.trees",
    "baal.bayesian.sampling.ways",
    "baal.experiments.checks",
    "baal.experiments.plain_state",
    "baal.experiments.resuming",
    "baal.experiments.rounds",
    "baal.experiments.scoring_loop",
    "baal.experiments.watching",
    "baal.lightning.standalone",
    "baal.lightning.unified",
    "baal.training.early_stopping",
    "baal.training.gathering",
    "baal.training.loading",
    "baal.training.schedule",
    "baal.training.steps",
    "baal.utils.alternating",
    "baal.utils.frames",
    "baal.utils.item_seeds",
    "baal.utils.lazy",
    "baal.utils.metric_names",
    "baal.utils.metrics.moments",
    "baal.utils.metrics.reading",
    "baal.utils.random_states",
}


# Of modules that users do import from: names that only other modules use.
INTERNAL_NAMES = {
    "baal.active.dataset.history": {"History", "Revision"},
    "baal.active.heuristics.decorators": {"reading_as", "reading_of", "reads_probabilities"},
    "baal.active.heuristics.density": {"check_similarity"},
    "baal.active.heuristics.functional.bait": {"MAX_PRODUCTS"},
    "baal.active.heuristics.functional.seeding": {"draw_apart"},
    "baal.active.heuristics.scoring": {
        "MODES", "read_probabilities", "score_array", "score_undecided",
    },
    "baal.calibration.likelihood": {"IGNORED"},
    "baal.experiments.studies.study": {"BASELINE_HEURISTIC"},
    "baal.experiments.studies.tables": {"BASELINE"},
    "baal.lightning.flavours": {"FRAMEWORKS"},
    "baal.training.batches": {"TARGET_KEYS"},
}  # fmt: skip


def is_package(module):
    return MODULES[module].name == "__init__.py"


def load(name):
    """A module, or what is in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, member = name.rpartition(".")
        return getattr(importlib.import_module(module), member)


@functools.cache
def documented(module):
    """What a module defines, less what mkdocstrings leaves out: values without a docstring."""
    names = set()
    body = ast.parse(MODULES[module].read_text(encoding="utf-8")).body
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names & {*getattr(importlib.import_module(module), "__all__", names)}


def members(entry, options):
    """The names that an entry shows: of a module its members, else the one that it is of."""
    if entry not in MODULES:
        return {entry.rpartition(".")[2]}
    chosen = options.get("members", True)
    if isinstance(chosen, list):
        return set(chosen)
    hidden = [pattern[1:] for pattern in options.get("filters", []) if pattern[0] == "!"]
    names = documented(entry) if chosen else ()
    return {name for name in names if not any(re.search(pattern, name) for pattern in hidden)}


def home(entry):
    return entry if entry in MODULES else entry.rpartition(".")[0]


def is_shown(thing, name, shown):
    """Whether something has an entry of its own, or is among the members of one."""
    return any(
        name in members(entry, options) and getattr(load(home(entry)), name, None) is thing
        for entry, options in shown.items()
    )


def own_part(thing):
    """Of a class that is made of ours and of a framework's: ours."""
    if inspect.isclass(thing) and thing.__module__.startswith("baal.lightning."):
        ours = [base for base in thing.__bases__ if base.__module__.startswith("baal.")]
        return ours[0] if ours and len(ours) < len(thing.__bases__) else thing
    return thing


def missing(loaded, names, shown=SHOWN):
    parts = {name: own_part(getattr(loaded, name)) for name in names}
    called = {n: part.__name__ if inspect.isclass(part) else n for n, part in parts.items()}
    return [name for name in names if not is_shown(parts[name], called[name], shown)]


def complaint(module, loaded, shown=SHOWN, internal=INTERNAL):
    """What is wrong with the place of a module, or an empty string."""
    if module in internal:
        return f"{module} is in INTERNAL, and in docs/reference" if module in shown else ""
    names = [name for name in getattr(loaded, "__all__", ()) if not name.startswith("__")]
    names = [name for name in names if name not in INTERNAL_NAMES.get(module, ())]
    if lacking := missing(loaded, names, shown):
        return f"{module}: give {lacking} a line in docs/reference, or the module one in INTERNAL"
    if not names and not hasattr(loaded, "__path__") and module not in shown:
        return f"{module} is neither in docs/reference nor in INTERNAL"
    return ""


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_in_the_reference_or_internal(module):
    assert not complaint(module, importlib.import_module(module))


def test_what_is_internal_is_there_and_no_package():
    assert set(MODULES) >= INTERNAL
    assert not {name for name in INTERNAL if is_package(name)}
    assert not INTERNAL & set(SURFACE)
    for module, names in INTERNAL_NAMES.items():
        assert names <= set(importlib.import_module(module).__all__)


def test_a_new_module_needs_a_place():
    def sweep():
        """A public name."""

    new = SimpleNamespace(__all__=["sweep"], sweep=sweep)
    assert "['sweep']" in complaint("baal.experiments.sweeping", new)
    assert not complaint("baal.experiments.sweeping", new, internal={"baal.experiments.sweeping"})
    assert "neither" in complaint("baal.experiments.sweeping", SimpleNamespace())


@pytest.mark.parametrize("module", [m for m in SHOWN if m in MODULES and not is_package(m)])
def test_each_entry_is_needed_once(module):
    loaded = importlib.import_module(module)
    assert complaint(module, loaded, {k: v for k, v in SHOWN.items() if k != module})
    assert "and in docs/reference" in complaint(module, loaded, internal={module})


def types_in_signatures(entry, options):
    """Names from elsewhere in baal that the signatures shown by the entry of a module use."""
    body = ast.parse(MODULES[entry].read_text(encoding="utf-8")).body
    shown = [node for node in body if getattr(node, "name", "") in members(entry, options)]
    classes = [node for node in shown if isinstance(node, ast.ClassDef)]
    functions = [
        node
        for node in [*shown, *(part for node in classes for part in node.body)]
        if isinstance(node, ast.FunctionDef)
        and (node.name == "__init__" or not node.name.startswith("_"))
    ]
    hints = [f.returns for f in functions]
    for function in functions:
        args = function.args
        every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
        hints += [arg.annotation for arg in every if arg]
    used = {n.id for hint in hints if hint for n in ast.walk(hint) if isinstance(n, ast.Name)}
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("baal."):
            yield from ((node.module, a.name) for a in node.names if a.name in used)


@pytest.mark.parametrize("module", [name for name in SHOWN if name in MODULES])
def test_types_that_signatures_use_are_shown(module):
    for home_of_type, name in types_in_signatures(module, SHOWN[module]):
        lacking = missing(importlib.import_module(home_of_type), [name])
        assert not lacking, f"{home_of_type}.{name} is in a signature: give it a line"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_that_the_pages_import_is_missing(page):
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block["code"])):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("baal"):
                names = [alias.name for alias in node.names]
                modules = [name for name in names if f"{node.module}.{name}" in SHOWN]
                names = [name for name in names if name not in {*modules, "functional"}]
                loaded = importlib.import_module(node.module)
                assert not missing(loaded, names), "give them a line in docs/reference"
