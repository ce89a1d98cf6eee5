import inspect

import pytest

from baal import exceptions

BUILTIN = {
    "InvalidArgumentError": ValueError,
    "InvalidTypeError": TypeError,
    "InvalidIndexError": IndexError,
    "StateError": RuntimeError,
    "UnreadableFileError": OSError,
    "LabelStoreError": OSError,
    "MissingExtraError": ImportError,
}


def test_every_error_is_in_the_tree_drawn_at_the_top_of_the_file():
    defined = {name for name, thing in vars(exceptions).items() if inspect.isclass(thing)}
    assert defined == set(exceptions.__all__) == {"BaalError", *BUILTIN}
    for name in defined:
        assert name in exceptions.__doc__


@pytest.mark.parametrize(("name", "builtin"), BUILTIN.items())
def test_every_error_is_a_baal_error_and_the_built_in_a_caller_expects(name, builtin):
    error = getattr(exceptions, name)
    assert issubclass(error, exceptions.BaalError)
    assert issubclass(error, builtin)
