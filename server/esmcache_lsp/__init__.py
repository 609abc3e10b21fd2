"""The language server: translates LSP to calls of esmcache's public names. It must not analyse modules itself."""
