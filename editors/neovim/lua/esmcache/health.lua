-- :checkhealth esmcache

local M = {}

-- The module and its functions had other names before Neovim 0.8 and 0.10.
local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local info = health.info or health.report_info
local warn = health.warn or health.report_warn
local failure = health.error or health.report_error

local function check_neovim()
  start('esmcache: Neovim')
  if vim.fn.has('nvim-0.11') == 1 then
    ok("started by vim.lsp.enable('esmcache') or require('esmcache').setup()")
  elseif vim.fn.has('nvim-0.7') == 1 then
    ok("older than 0.11: started by require('esmcache').setup()")
  else
    failure('Neovim 0.7 or newer is needed')
  end
end

local function check_server()
  start('esmcache: server')
  local command = require('esmcache.client').command()
  if type(command) ~= 'table' then
    info('it is started by a function of your configuration')
    return
  end
  local executable = vim.fn.exepath(command[1])
  if executable == '' then
    failure(command[1] .. ' is not executable', {
      'Install it: pip install esmcache (or pipx install esmcache)',
      "Or name it: require('esmcache').setup({ cmd = { '/path/to/esmcache-lsp', '--stdio' } })",
    })
    return
  end
  local version = vim.trim(vim.fn.system({ executable, '--version' }))
  if vim.v.shell_error == 0 then
    ok(('%s (%s)'):format(version, executable))
  else
    failure(('%s --version failed: %s'):format(executable, version))
  end
end

local function check_client(client)
  info(('client %d, root: %s'):format(client.id, client.config.root_dir or 'none'))
  local status = require('esmcache.status').of(client.id)
  if not status then
    warn('the server has not told its status yet')
    return
  end
  local report = ({ ok = ok, warning = warn, error = failure })[status.health]
  report(('health: %s%s'):format(status.health, status.message ~= '' and ': ' .. status.message or ''))
  if status.engine ~= '' then
    ok('engine: ' .. status.engine)
  else
    failure('no supported Node was found', { 'Install Node 22.15 or newer, or set init_options.node' })
  end
  info(('modules: %d fresh, %d stale, %d cold'):format(status.fresh, status.stale, status.cold))
end

local function check_clients()
  start('esmcache: running')
  local clients = require('esmcache.client').all()
  if #clients == 0 then
    info('no server is running: open a JavaScript file')
  end
  for _, client in ipairs(clients) do
    check_client(client)
  end
end

function M.check()
  check_neovim()
  check_server()
  check_clients()
end

return M
