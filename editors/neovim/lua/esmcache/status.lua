-- Keeps the last esmcache/status of each server and puts it into words.

local M = {}

local statuses = {}

--- Keep a server's status, redraw status lines, and tell whoever listens to `User EsmcacheStatus`.
function M.receive(client_id, status)
  statuses[client_id] = status
  vim.cmd('redrawstatus!')
  if vim.fn.exists('#User#EsmcacheStatus') == 1 then
    vim.api.nvim_exec_autocmds('User', { pattern = 'EsmcacheStatus', modeline = false })
  end
end

--- Return the last status that the server sent, or nil.
function M.of(client_id)
  return statuses[client_id]
end

--- Return the status in a few words, never empty.
function M.text(client_id)
  local status = statuses[client_id]
  if not status then
    return 'esmcache …'
  end
  if status.health ~= 'ok' then
    return ('esmcache %s %s'):format(status.health == 'error' and '✗' or '!', status.message)
  end
  if not status.quiescent then
    return 'esmcache … ' .. status.message
  end
  -- Modules that Node loads itself cannot become warm.
  local all = status.fresh + status.stale + status.cold
  return ('esmcache %s%d/%d warm'):format(status.fresh == all and '✓ ' or '', status.fresh, all)
end

return M
