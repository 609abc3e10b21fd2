"""The JavaScript engines that code caches are made for, one package each; `node` is V8 as Node embeds it."""
