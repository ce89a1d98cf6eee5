"""The store is the standard library's and NumPy's: it works where torch cannot be imported."""

import subprocess
import sys

CODE = """
import sys
sys.modules["torch"] = None
from baal.active.label_store import LabelStore, export_labels, read_labels
from baal.active.dataset.numpy import ActiveNumpyArray

store = LabelStore(sys.argv[1] + "/labels.db")
dataset = ActiveNumpyArray(([1, 2, 3], [0, 0, 0]), store=store)
dataset.label([0, 2], [7, 8])
export_labels(store, sys.argv[1] + "/labels.csv")
print(*((one.dataset_index, one.value) for one in read_labels(sys.argv[1] + "/labels.csv")))
"""


def test_where_torch_cannot_be_imported(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 7) (2, 8)\n"
