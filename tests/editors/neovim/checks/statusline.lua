-- The status line counts the warm modules, and follows changes.
local support = ...

support.client()
local heard = false
vim.api.nvim_create_autocmd('User', {
  pattern = 'EsmcacheStatus',
  callback = function()
    heard = true
  end,
})

local function shown(pattern)
  support.wait_for(pattern, function()
    return vim.api.nvim_eval_statusline(vim.o.statusline, {}).str:find(pattern)
  end)
end

shown('esmcache .*%d+/%d+ warm')
vim.cmd('Esmcache warm')
support.notified('served')
support.wait_for('the event', function()
  return heard
end)
shown('esmcache ✓ %d+/%d+ warm')
