"""Compares what esmcache says of modules with what JavaScriptCore, V8 and oxc-parser say.

`python -m conformance` prints the table; tests/test_conformance.py runs a part of it. Nothing here runs a module.
"""
