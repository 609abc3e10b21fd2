-- The server's client in this Neovim: finding it, and asking it.

local M = {}

local NAME = 'esmcache'

--- Return all running clients of the server.
function M.all()
  return vim.lsp.get_clients({ name = NAME })
end

--- Return the client that the buffer is attached to, or nil.
function M.attached(buffer)
  return vim.lsp.get_clients({ name = NAME, bufnr = buffer })[1]
end

--- Return the command that starts the server, as configured; a table, or a function of the user's.
function M.command()
  return vim.lsp.config[NAME].cmd
end

--- Run a command of the server; `on_result` is called with what it answers. Failures are shown to the user.
function M.execute(command, arguments, on_result)
  local client = M.attached(vim.api.nvim_get_current_buf()) or M.all()[1]
  if not client then
    vim.notify('esmcache: no server is running; see :checkhealth esmcache', vim.log.levels.ERROR)
    return
  end
  local function on_answer(failure, result)
    if failure then
      vim.notify('esmcache: ' .. failure.message, vim.log.levels.ERROR)
    else
      on_result(result)
    end
  end
  client:request('workspace/executeCommand', { command = command, arguments = arguments }, on_answer)
end

--- Ask for the diagnostics of open files again.
function M.pull_diagnostics(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  local provider = client and client.server_capabilities and client.server_capabilities.diagnosticProvider
  if not provider then
    return
  end
  for buffer in pairs(client.attached_buffers) do
    local document = { uri = vim.uri_from_bufnr(buffer) }
    client:request(
      'textDocument/diagnostic',
      { identifier = provider.identifier, textDocument = document },
      nil,
      buffer
    )
  end
end

return M
