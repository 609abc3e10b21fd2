-- Defines the commands. What they do is loaded when one is used.

if vim.g.loaded_esmcache then
  return
end
vim.g.loaded_esmcache = true

local function command(name, action, options)
  vim.api.nvim_create_user_command(name, function(arguments)
    require('esmcache.commands')[action](arguments)
  end, options)
end

command('EsmcacheWarm', 'warm', { bang = true, desc = 'Warm this file and all it reaches (!: the workspace)' })
command('EsmcacheStats', 'stats', { desc = 'Show what is cached' })
command('EsmcacheExplain', 'explain', { desc = 'Say why this file is or is not served' })
command('EsmcacheClear', 'clear', { desc = 'Remove everything that is cached' })
command('EsmcacheRun', 'run', {
  nargs = '*',
  complete = 'file',
  desc = 'Run this file served from the cache, in a terminal',
})
