"""Compares esmcache's reading of modules with those of JavaScriptCore, V8 and oxc-parser.

`python -m conformance` prints the table; tests/test_conformance.py runs a part of it. Nothing here runs a module.
"""
