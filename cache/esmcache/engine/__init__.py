"""The façade: the one place that wires analysis, BMES, resolution, code caches, serving and the store together.

`esmcache.engine.facade.Engine` is what the command line, the server and the public Python API use;
`esmcache.engine.starting` is the little that a start of a program needs, and imports nothing of the rest.
"""
