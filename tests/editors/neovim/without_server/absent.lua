-- If the server cannot be found, commands and :checkhealth say so, and nothing else happens.
local support = ...

vim.cmd('Esmcache warm')
support.notified('no server is running; see :checkhealth esmcache')
assert(require('esmcache').statusline() == '')

vim.cmd('checkhealth esmcache')
local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
support.has(report, 'ERROR.*is%-not%-here is not executable')
