-- :checkhealth names the server and what it found.
local support = ...

support.client()
vim.cmd('checkhealth esmcache')
local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
support.has(report, 'esmcache%-lsp %d')
support.has(report, 'client %d+, root: ')
assert(not report:find('ERROR'), report)
