"""The JavaScript engines that caches are built for, one package each; `node` is V8 as Node embeds it."""
