"""Keeps data between runs: content-addressed files, and the SQLite index of everything known about modules."""
