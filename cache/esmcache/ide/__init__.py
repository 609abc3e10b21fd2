"""The answers to an editor's questions about a workspace: diagnostics, navigation, and the state of the cache.

This package holds the texts of open documents and answers in URLs, lines and columns. It must not know any protocol,
and it never writes into the cache.
"""
