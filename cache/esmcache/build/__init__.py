"""Building caches: a warm of whole programs (`warm.py`), a save of one file (`save.py`), and one module by itself.

A warm finds its targets (`targets.py`), walks the module graph (`walk.py`: read, analyse, compile), writes packs,
code caches and manifests (`publish.py`), and puts rows into the index. Knows nothing of editors or commands.
"""
