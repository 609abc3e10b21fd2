-- Each command does what its help says.
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

vim.cmd('EsmcacheWarm')
support.notified('esmcache: 2 modules, 2 served')

vim.cmd('EsmcacheStats')
support.has(support.float(), '2 modules of 1 entry point, ')
close_floats()

vim.cmd('EsmcacheExplain')
support.has(support.float(), 'app%.mjs')
close_floats()

vim.cmd('EsmcacheRun neovim')
support.wait_for("the program's output", function()
  if vim.bo.buftype ~= 'terminal' then
    return false
  end
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n'):find('hello neovim')
end)
vim.cmd('bdelete!')

vim.cmd('EsmcacheClear')
support.notified('cache cleared')
