-- Runs the Lua file that $CHECK names once a file is open, and leaves Neovim: with exit code 1 and a traceback if it failed.

local PATIENCE_MS = 60000

local notifications = {}
vim.notify = function(message)
  table.insert(notifications, message)
end

-- The functions that checks use.
local support = {}

--- Wait until the condition returns a true value, and return it; a failure names `what`.
function support.wait_for(what, condition)
  local value
  local came = vim.wait(PATIENCE_MS, function()
    value = condition()
    return value
  end, 20)
  assert(came, ('waited in vain for %s; notifications: %s'):format(what, vim.inspect(notifications)))
  return value
end

--- Wait for a notification to the user that has the pattern, and return it.
function support.notified(pattern)
  return support.wait_for('a notification ' .. pattern, function()
    for _, message in ipairs(notifications) do
      if message:find(pattern) then
        return message
      end
    end
  end)
end

--- Return the client once the server has answered `initialize`.
function support.client()
  return support.wait_for('the server', function()
    local client = require('esmcache.client').attached(0)
    return client and client.server_capabilities and client
  end)
end

--- Wait for a floating window and return its text.
function support.float()
  return support.wait_for('a floating window', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
      end
    end
  end)
end

--- Fail unless the text has the pattern.
function support.has(text, pattern)
  assert(text:find(pattern), ('%s is not in:\n%s'):format(pattern, text))
end

vim.api.nvim_create_autocmd('VimEnter', {
  callback = vim.schedule_wrap(function()
    local passed, failure = xpcall(function()
      loadfile(vim.env.CHECK)(support)
    end, debug.traceback)
    if not passed then
      io.stdout:write(failure, '\n')
      local log = io.open(require('vim.lsp.log').get_filename())
      io.stdout:write(log and log:read('*a') or '')
    end
    vim.cmd(passed and 'qall!' or 'cquit 1')
  end),
})
