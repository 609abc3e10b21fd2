-- Defines the command :Esmcache. Its subcommands are loaded when it is used.

if vim.g.loaded_esmcache then
  return
end
vim.g.loaded_esmcache = true

vim.api.nvim_create_user_command('Esmcache', function(arguments)
  require('esmcache.commands').execute(arguments.fargs)
end, {
  nargs = '+',
  complete = function(lead, line, position)
    return require('esmcache.commands').complete(lead, line:sub(1, position))
  end,
  desc = 'Warm, explain, show and clear what esmcache keeps, or run this file',
})
