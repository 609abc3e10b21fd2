-- The server is started for a JavaScript file, once for a workspace, and not for other files.
local support = ...

local client = support.client()
assert(client.name == 'esmcache')
assert(vim.fn.resolve(client.config.root_dir) == vim.fn.resolve(vim.fn.getcwd()), client.config.root_dir)

vim.cmd('edit greet.mjs')
assert(support.client().id == client.id)

vim.cmd('edit package.json')
assert(require('esmcache.client').attached(0) == nil)
assert(require('esmcache').statusline() == '')
