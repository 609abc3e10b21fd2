-- The server is started for a JavaScript or TypeScript file, once for a workspace, and not for other files.
local support = ...

local client = support.client()
assert(client.name == 'esmcache')
assert(vim.fn.resolve(client.config.root_dir) == vim.fn.resolve(vim.fn.getcwd()), client.config.root_dir)

for _, name in ipairs({ 'greet.mjs', 'app.ts', 'app.mts', 'app.cts', 'view.tsx' }) do
  vim.cmd('edit ' .. name)
  assert(support.client().id == client.id, name)
end

vim.cmd('edit package.json')
assert(require('esmcache.client').attached(0) == nil)
assert(require('esmcache').statusline() == '')
