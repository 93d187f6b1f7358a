"""Raw answers become findings. Nothing here judges: a field that an answer lacks stays empty."""

from evaluation.adapters.answer import read
from evaluation.adapters.journal import from_journal

__all__ = ["from_journal", "read"]
