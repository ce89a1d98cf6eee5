"""What the package promises about its dependencies, and that the pins keep the promise."""

import re
from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="in the standard library from Python 3.11 on")

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        match = re.fullmatch(r"([\w-]+)==([\w.]+)(; python_version (>=|<) .*)?", line)
        assert match or not line or line.startswith("#"), line
        if match and match[4] != "<":
            found[match[1]] = match[2]
    return found


def test_the_core_depends_on_five_packages_with_lower_bounds_only():
    assert [re.split(r"[<>=!~]", spec)[0] for spec in PROJECT["dependencies"]] == [
        "torch", "numpy", "scipy", "tqdm", "structlog"
    ]  # fmt: skip
    for spec in PROJECT["dependencies"]:
        assert re.fullmatch(r"\w+>=[\d.]+", spec), spec


def test_the_extras_are_those_documented():
    assert set(PROJECT["optional-dependencies"]) == {
        "plot", "experiments", "vision", "hf", "lightning", "sklearn", "tensorboard", "docs", "dev"
    }  # fmt: skip


def test_torch_is_pinned_first():
    for name in ("constraints.txt", "constraints-oldest.txt"):
        assert next(iter(pins(name).items())) == ("torch", "2.13.0")


def test_the_oldest_versions_tested_are_the_lower_bounds():
    oldest = pins("constraints-oldest.txt")
    specs = PROJECT["dependencies"] + [
        spec
        for extra in ("plot", "experiments", "dev")
        for spec in PROJECT["optional-dependencies"][extra]
    ]
    for spec in specs:
        if ">=" in spec and not spec.startswith("torch>"):
            name, bound = spec.split(">=")
            assert oldest[name].startswith(bound), spec


def test_what_needs_torchvision_is_measured_once_and_with_the_same_bound():
    from conftest import NEED_TORCHVISION

    here, there = (
        tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["tool"]["coverage"]
        for name in ("pyproject.toml", "tests/vision/coverage.toml")
    )
    assert here["run"]["omit"] == there["run"]["include"] == NEED_TORCHVISION
    assert here["report"]["fail_under"] == there["report"]["fail_under"] == 95
    assert here["run"]["branch"] is there["run"]["branch"] is True
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"NEED_TORCHVISION = {' '.join(NEED_TORCHVISION)}\n" in makefile


def test_the_package_is_typed_and_licensed():
    assert (ROOT / "baal" / "py.typed").exists()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_files_stay_readable():
    for path in (ROOT / "baal").rglob("*.py"):
        lines = path.read_text(encoding="utf-8").count("\n")
        assert lines <= 400, f"{path.name} has {lines} lines: split it"
