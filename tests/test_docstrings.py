"""Every public name says what it takes, what it gives, what it raises, and shows an example."""

import ast
import importlib
import inspect
import re
import textwrap

import pytest

from tests.test_import_graph import COMPATIBILITY_PATHS, FACADES, MODULES

# An argument annotated with one of these needs its shape in the docstring.
ARRAYS = re.compile(r"\bTensor\b|NDArray|ndarray|FloatArray")
SHAPE = re.compile(r"`[^`]*\[[^`]*\]`|scalar|shape", re.IGNORECASE)


def public_objects():
    for name in sorted(set(MODULES) - FACADES - COMPATIBILITY_PATHS):
        module = importlib.import_module(name)
        for attribute in getattr(module, "__all__", ()):
            thing = getattr(module, attribute)
            if getattr(thing, "__module__", None) == name and (
                inspect.isclass(thing) or inspect.isfunction(thing)
            ):
                yield pytest.param(thing, id=f"{name}.{attribute}")


PUBLIC = list(public_objects())
CLASSES = [parameter for parameter in PUBLIC if inspect.isclass(parameter.values[0])]


def public_methods():
    for parameter in CLASSES:
        cls = parameter.values[0]
        for name, member in vars(cls).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if not name.startswith("_") and inspect.isfunction(function):
                yield pytest.param(function, id=f"{parameter.id}.{name}")


FUNCTIONS = [p for p in PUBLIC if not inspect.isclass(p.values[0])] + list(public_methods())


def raises_itself(function):
    if function.__code__.co_filename.startswith("<"):  # written by `dataclass`
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(tree))


@pytest.mark.parametrize("name", sorted(set(MODULES) - COMPATIBILITY_PATHS))
def test_every_module_says_what_it_is_for_and_what_it_gives(name):
    module = importlib.import_module(name)
    assert module.__doc__
    if not name.endswith("utils"):
        names = getattr(module, "__all__", None)
        assert names is not None or not vars_defined_in(module), f"{name} has no __all__"


def vars_defined_in(module):
    return [k for k, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]


@pytest.mark.parametrize("thing", [p for p in PUBLIC if not p.id.endswith("Error")])
def test_public_names_have_an_example(thing):
    assert ">>>" in inspect.getdoc(thing), "no example"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_document_arguments_results_and_errors(function):
    doc = inspect.getdoc(function)
    assert doc, "no docstring"
    signature = inspect.signature(function)
    annotations = {
        n: str(p.annotation) for n, p in signature.parameters.items() if n not in {"self", "cls"}
    }
    for name, annotation in annotations.items():
        entry = re.search(rf"^ +\*?\*?{name}: (.*(?:\n {{6,}}.*)*)", doc, re.MULTILINE)
        assert entry, f"argument `{name}` is not described"
        if ARRAYS.search(annotation) and "Callable" not in annotation:
            assert SHAPE.search(entry.group(1)), f"argument `{name}` has no shape"
    if raises_itself(function):
        assert "Raises:" in doc, "raises, and does not say so"


@pytest.mark.parametrize("cls", CLASSES)
def test_classes_document_the_errors_of_their_making(cls):
    if getattr(cls, "_is_protocol", False):
        return
    makers = [vars(cls)[name] for name in ("__init__", "__post_init__") if name in vars(cls)]
    if any(inspect.isfunction(maker) and raises_itself(maker) for maker in makers):
        assert "Raises:" in inspect.getdoc(cls)
