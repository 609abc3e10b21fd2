"""The language server: translates LSP to calls of esmcache's public names; does no analysis itself."""
