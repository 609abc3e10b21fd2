---@brief
---
--- `esmcache-lsp` keeps what Node.js would otherwise find out at every start about ES modules, warms modules when they are
--- saved, and says in the editor which of them are served. Modules may be JavaScript or TypeScript.
---
--- ```sh
--- pip install esmcache
--- ```
---
--- It stands beside a language server for JavaScript and TypeScript (`ts_ls`, `vtsls`) and does not replace it.
--- docs/how-to/editors.md lists the settings; they are given like this:
---
--- ```lua
--- vim.lsp.config('esmcache', {
---   settings = { esmcache = { entries = { 'src/server.js' } } },
---   -- What a project may not choose for its user: where the cache lies, which Node is served, how much of the machine
---   -- is used, and (`trusted = false`) whether anything of the project may get into the cache.
---   init_options = { node = '/usr/bin/node' },
--- })
--- ```

---@type vim.lsp.Config
return {
  cmd = { 'esmcache-lsp', '--stdio' },
  -- Node does not load TSX. The server only says so there.
  filetypes = { 'javascript', 'typescript', 'typescriptreact' },
  -- Lock files come first: the packages of a workspace share one server.
  root_markers = {
    'package-lock.json',
    'npm-shrinkwrap.json',
    'pnpm-lock.yaml',
    'yarn.lock',
    'esmcache.json',
    'package.json',
    '.git',
  },
  -- The server asks for the section, so it must be there even if nothing is set.
  settings = { esmcache = vim.empty_dict() },
  capabilities = { experimental = { esmcacheStatus = true } },
  handlers = {
    ['esmcache/status'] = function(_, status, context)
      require('esmcache.status').receive(context.client_id, status)
    end,
    -- Neovim 0.12 asks for the workspace's diagnostics only, and does not show those in open files. Neovim 0.11 does not
    -- know this request, so the server publishes diagnostics there.
    ['workspace/diagnostic/refresh'] = function(failure, result, context)
      require('esmcache.client').pull_diagnostics(context.client_id)
      return vim.lsp.handlers['workspace/diagnostic/refresh'](failure, result, context)
    end,
  },
}
