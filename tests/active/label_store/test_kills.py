"""Killed at any moment: what was acknowledged is there, and there once."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def kill(n, seed, folder):
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(n), str(seed)]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    n_kills, n_calls = map(int, done.stdout.split())
    assert n_kills == n
    assert n_calls > n  # or it was killed too early to tell anything


def test_kills(tmp_path):
    kill(30, 0, tmp_path)


@pytest.mark.soak
def test_many_kills(tmp_path):
    kill(500, 1, tmp_path)
