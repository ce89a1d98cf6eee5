"""Labels kept for good, in one SQLite file: who gave which label to which item, and when."""

from typing import TYPE_CHECKING

from baal.utils.lazy import lazy_attributes

if TYPE_CHECKING:
    from baal.active.label_store.exchange import export_labels, read_labels
    from baal.active.label_store.store import LabelStore

__all__ = ["LabelStore", "export_labels", "read_labels"]

__getattr__, __dir__ = lazy_attributes(
    __name__,
    {
        "LabelStore": "baal.active.label_store.store",
        "export_labels": "baal.active.label_store.exchange",
        "read_labels": "baal.active.label_store.exchange",
    },
)
