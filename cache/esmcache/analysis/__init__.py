"""What a source text says before it runs: its module record and what is wrong with it.

Reads bytes alone: knows no paths, no other modules and no engine.
"""

from esmcache.analysis.document import Document, Edit
from esmcache.analysis.source_analysis import MOST_REQUESTS, Analysis, analyse_commonjs, analyse_module

__all__ = ["MOST_REQUESTS", "Analysis", "Document", "Edit", "analyse_commonjs", "analyse_module"]
