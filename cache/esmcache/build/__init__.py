"""Builds the cache: a warm of whole programs (`warm.py`), a save of one file (`save.py`), or a single module.

A warm finds its targets (`targets.py`), walks the module graph (`walk.py`: read, analyse, compile), writes packs, code
caches and manifests (`publish.py`), and stores rows in the index (`commit.py`). This package must know nothing of
editors or commands.
"""
