-- What a configuration calls: statusline().

local M = {}

--- Return a few words on the cache for a status line; "" in a buffer that the server does not know.
---@return string
function M.statusline()
  local client = require('esmcache.client').attached(vim.api.nvim_get_current_buf())
  return client and require('esmcache.status').text(client.id) or ''
end

return M
