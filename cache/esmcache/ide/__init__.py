"""What an editor asks about a workspace: open documents, diagnostics, navigation, and what the cache holds.

Answers in URLs, lines and columns. Knows no protocol, and writes nothing into the cache.
"""
