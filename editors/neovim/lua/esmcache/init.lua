-- What a configuration calls: setup() and statusline().

local M = {}

--- Start the server for every JavaScript file. `options` are those of |vim.lsp.config()|: cmd, settings, init_options, …
---@param options table|nil
function M.setup(options)
  options = options or {}
  if vim.lsp.config and vim.lsp.enable then
    vim.lsp.config('esmcache', options)
    vim.lsp.enable('esmcache')
  else
    require('esmcache.client').start_on_filetype(options)
  end
end

--- Return a few words on the cache for a status line; "" in a buffer that the server does not know.
---@return string
function M.statusline()
  local client = require('esmcache.client').attached(vim.api.nvim_get_current_buf())
  return client and require('esmcache.status').text(client.id) or ''
end

return M
