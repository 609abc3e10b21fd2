"""Static analysis of one source text: its module record and its diagnostics.

It reads bytes only. It must not know paths, other modules or an engine.
"""

from esmcache.analysis.document import Document, Edit
from esmcache.analysis.source_analysis import MOST_REQUESTS, Analysis, analyse_commonjs, analyse_module

__all__ = ["MOST_REQUESTS", "Analysis", "Document", "Edit", "analyse_commonjs", "analyse_module"]
