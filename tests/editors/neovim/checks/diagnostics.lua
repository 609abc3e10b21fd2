-- Errors that Node would throw are marked when a file is opened, until the file is repaired and written.
local support = ...

local function codes()
  return vim.tbl_map(function(diagnostic)
    assert(diagnostic.source == 'esmcache', vim.inspect(diagnostic))
    return diagnostic.code
  end, vim.diagnostic.get(0))
end

local function shown(code)
  support.wait_for(code, function()
    return vim.tbl_contains(codes(), code)
  end)
end

local function gone(code)
  support.wait_for('the end of ' .. code, function()
    return not vim.tbl_contains(codes(), code)
  end)
end

support.client()
shown('unresolved-import')
for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
  assert(diagnostic.code ~= 'unresolved-import' or diagnostic.lnum == 1, vim.inspect(diagnostic))
end

-- The workspace is warmed at the start; until then a hint says that the file is cold.
support.wait_for('the end of warming', function()
  local status = require('esmcache.status').of(support.client().id)
  return status and status.fresh == 2
end)
gone('cache-cold')

vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'const where = "here";' })
vim.cmd('write')
gone('unresolved-import')

vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'const const = "here";' })
vim.cmd('write')
shown('syntax-error')

vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'const where = "here";' })
vim.cmd('write')
gone('syntax-error')

gone('cache-cold')
assert(#codes() == 0, vim.inspect(codes()))
