-- :checkhealth esmcache

local M = {}

local health = vim.health

local function check_neovim()
  health.start('esmcache: Neovim')
  if vim.fn.has('nvim-0.11') == 1 then
    health.ok('0.11 or newer')
  else
    health.error('Neovim 0.11 or newer is needed')
  end
end

local function check_server()
  health.start('esmcache: server')
  local command = require('esmcache.client').command()
  if type(command) ~= 'table' then
    health.info('it is started by a function of your configuration')
    return
  end
  local executable = vim.fn.exepath(command[1])
  if executable == '' then
    health.error(command[1] .. ' is not executable', {
      'Install it: pip install esmcache (or pipx install esmcache)',
      "Or name it: vim.lsp.config('esmcache', { cmd = { '/path/to/esmcache-lsp', '--stdio' } })",
    })
    return
  end
  local version = vim.trim(vim.fn.system({ executable, '--version' }))
  if vim.v.shell_error == 0 then
    health.ok(('%s (%s)'):format(version, executable))
  else
    health.error(('%s --version failed: %s'):format(executable, version))
  end
end

local function check_client(client)
  health.info(('client %d, root: %s'):format(client.id, client.config.root_dir or 'none'))
  local status = require('esmcache.status').of(client.id)
  if not status then
    health.warn('the server has not told its status yet')
    return
  end
  local report = ({ ok = health.ok, warning = health.warn, error = health.error })[status.health]
  report(('health: %s%s'):format(status.health, status.message ~= '' and ': ' .. status.message or ''))
  if status.engine ~= '' then
    health.ok('engine: ' .. status.engine)
  else
    health.error('no supported Node was found', { 'Install Node 22.15 or newer, or set init_options.node' })
  end
  local counts = { status.fresh, status.stale, status.cold, status.native }
  health.info(('modules: %d fresh, %d stale, %d cold, %d native'):format(unpack(counts)))
end

local function check_clients()
  health.start('esmcache: running')
  local clients = require('esmcache.client').all()
  if #clients == 0 then
    health.info('no server is running: open a JavaScript or TypeScript file')
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
