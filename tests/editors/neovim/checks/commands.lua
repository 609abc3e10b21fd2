-- Each subcommand does what its help says, and their names are completed.
local support = ...

support.client()
vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'const where = process.argv[2];' })
vim.cmd('write')

local function close_floats()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      vim.api.nvim_win_close(window, true)
    end
  end
end

vim.cmd('Esmcache warm')
support.notified('esmcache: 2 modules, 2 served')

vim.cmd('Esmcache stats')
support.has(support.float(), '2 modules of 1 entry point, ')
close_floats()

vim.cmd('Esmcache explain')
support.has(support.float(), 'app%.mjs')
close_floats()

vim.cmd('Esmcache run neovim')
support.wait_for("the program's output", function()
  if vim.bo.buftype ~= 'terminal' then
    return false
  end
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find('hello neovim')
end)
vim.cmd('bdelete!')

vim.cmd('Esmcache clear')
support.notified('cache cleared')

vim.cmd('Esmcache worm')
support.notified('no subcommand worm; there are clear, .*, warm%-workspace')
vim.cmd('Esmcache stats please')
support.notified('the subcommand stats takes no arguments')

local function completed(line, expected)
  local found = vim.fn.getcompletion(line, 'cmdline')
  assert(vim.deep_equal(found, expected), ('%s: %s'):format(line, vim.inspect(found)))
end

completed('Esmcache ', { 'clear', 'explain', 'run', 'stats', 'warm', 'warm-workspace' })
completed('vertical Esmcache w', { 'warm', 'warm-workspace' })
completed('Esmcache warm ', {})
completed('Esmcache run gr', { 'greet.mjs' })
