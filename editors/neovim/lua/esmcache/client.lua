-- The server's client in this Neovim: finding it, asking it, and starting it where vim.lsp.enable() does not exist.

local M = {}

local NAME = 'esmcache'

-- What start_on_filetype() was given, merged into what is shipped; nil where vim.lsp.config() keeps it.
M.config = nil

local function request(client, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    client:request(...)
  else
    client.request(...)
  end
end

--- Return all running clients of the server.
function M.all()
  local get_clients = vim.lsp.get_clients or vim.lsp.get_active_clients
  return vim.tbl_filter(function(client)
    return client.name == NAME
  end, get_clients())
end

--- Return the client that the buffer is attached to, or nil.
function M.attached(buffer)
  for _, client in ipairs(M.all()) do
    if vim.lsp.buf_is_attached(buffer, client.id) then
      return client
    end
  end
end

--- Return the command that starts the server, as configured; a table, or a function of the user's.
function M.command()
  local config = vim.lsp.config and vim.lsp.config[NAME] or M.config
  return config and config.cmd or { 'esmcache-lsp', '--stdio' }
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
  local parameters = { command = command, arguments = arguments }
  request(client, 'workspace/executeCommand', parameters, on_answer)
end

--- Ask for the diagnostics of open files again, where Neovim asks for them at all.
function M.pull_diagnostics(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  local provider = client and client.server_capabilities and client.server_capabilities.diagnosticProvider
  if not provider or not vim.lsp.handlers['textDocument/diagnostic'] then
    return
  end
  for buffer in pairs(client.attached_buffers) do
    local document = { uri = vim.uri_from_bufnr(buffer) }
    request(client, 'textDocument/diagnostic', { identifier = provider.identifier, textDocument = document }, nil, buffer)
  end
end

-- The nearest directory above the file that holds a marker; earlier markers win. vim.fs came with Neovim 0.8.
local function root_of(path, markers)
  for _, marker in ipairs(markers) do
    local directory = vim.fn.fnamemodify(path, ':p:h')
    while true do
      if vim.loop.fs_stat(directory .. '/' .. marker) then
        return directory
      end
      local parent = vim.fn.fnamemodify(directory, ':h')
      if parent == directory then
        break
      end
      directory = parent
    end
  end
end

-- vim.lsp.start() came with Neovim 0.8.
local function start(config, buffer)
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  local id
  for _, client in ipairs(M.all()) do
    if client.config.root_dir == config.root_dir then
      id = client.id
    end
  end
  id = id or vim.lsp.start_client(config)
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

--- Start the server for every file of its file types, as vim.lsp.enable() does from Neovim 0.11 on.
function M.start_on_filetype(options)
  local shipped = dofile(vim.api.nvim_get_runtime_file('lsp/' .. NAME .. '.lua', false)[1])
  local config = vim.tbl_deep_extend('force', shipped, options)
  config.name = NAME
  config.capabilities =
    vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), config.capabilities)

  M.config = config

  local function start_for(buffer)
    local path = vim.api.nvim_buf_get_name(buffer)
    if path == '' or vim.bo[buffer].buftype ~= '' then
      return
    end
    if vim.fn.executable(config.cmd[1]) == 0 then
      local message = ('esmcache: %s is not executable; see :checkhealth esmcache'):format(config.cmd[1])
      vim.notify_once(message, vim.log.levels.WARN)
      return
    end
    start(vim.tbl_extend('force', config, { root_dir = root_of(path, config.root_markers) }), buffer)
  end

  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('esmcache', { clear = true }),
    pattern = config.filetypes,
    callback = function(event)
      start_for(event.buf)
    end,
  })
  -- A plugin that is loaded late finds files already open.
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.tbl_contains(config.filetypes, vim.bo[buffer].filetype) then
      start_for(buffer)
    end
  end
end

return M
