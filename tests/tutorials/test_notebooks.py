"""The check of notebooks finds what it is there to find."""

import pytest

from tests.tutorials.notebooks import joined_streams, problems


def code(count, *outputs):
    return {"cell_type": "code", "execution_count": count, "outputs": list(outputs)}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def found(*cells):
    return problems({"cells": [{"cell_type": "markdown"}, *cells]})


def test_a_notebook_as_executed_has_no_problem():
    picture = {"output_type": "display_data", "data": {"image/png": "/tmp/a"}}
    assert found(code(1, stream("8 of 10, see https://host/home/x")), code(2, picture)) == []


@pytest.mark.parametrize("counts", [(None,), (2,), (1, None), (2, 1), (1, 3)])
def test_what_was_not_executed_in_order_is_found(counts):
    (problem,) = found(*(code(count, stream("1")) for count in counts))
    assert problem.startswith(f"execution counts are {list(counts)}")


def test_missing_outputs_are_found():
    assert found(code(1), code(2)) == ["there are no outputs"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ({"output_type": "error", "ename": "E", "evalue": "v"}, "cell 1 ended with E: v"),
        (stream(["a\n", "b"], "stderr"), r"cell 1 wrote to stderr: 'a\nb'"),
        (stream("in /root/a"), "cell 1 shows a path of a machine: '/root/a'"),
        (
            {"output_type": "execute_result", "data": {"text/plain": ["'/tmp/a", "b'"]}},
            'cell 1 shows a path of a machine: "/tmp/ab\'"',
        ),
    ],
)
def test_outputs_that_a_reader_should_not_see_are_found(output, problem):
    assert found(code(1, output)) == [problem]


def test_neighbouring_streams_of_a_name_are_one():
    picture = {"output_type": "display_data", "data": {}}
    pieces = [stream("a\nb"), stream(["c\n", "d\n"]), stream("e"), stream("f\n", "stderr")]
    assert joined_streams([*pieces, picture, stream("g"), stream("")]) == [
        stream(["a\n", "bc\n", "d\n", "e"]),
        stream("f\n", "stderr"),
        picture,
        stream(["g"]),
    ]
