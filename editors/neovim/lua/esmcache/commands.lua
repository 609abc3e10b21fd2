-- What the commands do: one request each, and its answer shown.

local client = require('esmcache.client')

local M = {}

local PACKAGES_SHOWN = 10

local function this_file()
  return vim.uri_from_bufnr(vim.api.nvim_get_current_buf())
end

local function size(bytes)
  if bytes < 1000 then
    return ('%d B'):format(bytes)
  end
  local value = bytes
  for _, unit in ipairs({ 'kB', 'MB', 'GB' }) do
    value = value / 1000
    if value < 1000 or unit == 'GB' then
      return ('%.1f %s'):format(value, unit)
    end
  end
end

local function count(number, noun)
  return ('%d %s%s'):format(number, noun, number == 1 and '' or 's')
end

local function show(lines)
  vim.lsp.util.open_floating_preview(lines, 'markdown', { focus_id = 'esmcache', wrap = true })
end

local function show_summary(summary)
  local text = ('esmcache: %s, %d served, %d compiled, in %.1f s'):format(
    count(summary.modules, 'module'),
    summary.served,
    summary.compiled,
    summary.seconds
  )
  for _, problem in ipairs(summary.problems) do
    local line = type(problem.line) == 'number' and (':%d'):format(problem.line) or ''
    text = ('%s\n%s%s: %s [%s]'):format(text, vim.fn.fnamemodify(problem.path, ':~:.'), line, problem.message, problem.code)
  end
  vim.notify(text, #summary.problems > 0 and vim.log.levels.WARN or vim.log.levels.INFO)
end

--- Warm this file and all it reaches; with a bang, the workspace.
function M.warm(arguments)
  if arguments.bang then
    client.execute('esmcache.warmWorkspace', {}, show_summary)
  else
    client.execute('esmcache.warm', { this_file() }, show_summary)
  end
end

--- Show what is cached: sizes, the largest packages, engines.
function M.stats()
  client.execute('esmcache.stats', {}, function(stats)
    local lines = {
      '# esmcache',
      '',
      ('%s of %s, %s'):format(
        count(stats.modules, 'module'),
        count(stats.entryPoints, 'entry point'),
        size(stats.totalBytes)
      ),
      vim.fn.fnamemodify(stats.directory, ':~'),
    }
    local function section(title, rows, name)
      table.sort(rows, function(left, right)
        return left.bytes > right.bytes
      end)
      vim.list_extend(lines, { '', '## ' .. title, '' })
      for index, row in ipairs(rows) do
        if index > PACKAGES_SHOWN then
          table.insert(lines, ('- … and %d more'):format(#rows - PACKAGES_SHOWN))
          break
        end
        -- A package without a name is a workspace, named by its path.
        local label = vim.fn.fnamemodify(row[name], ':~')
        -- As code: a name must not be Markdown.
        table.insert(lines, ('- `%s`: %s, %s'):format(label:gsub('`', "'"), count(row.modules, 'module'), size(row.bytes)))
      end
    end
    section('Packages', stats.packages, 'name')
    section('Engines', stats.engines, 'tag')
    show(lines)
  end)
end

--- Say why this file is or is not served.
function M.explain()
  client.execute('esmcache.explain', { this_file() }, function(explanation)
    show(vim.split(explanation.text, '\n'))
  end)
end

--- Remove everything that is cached.
function M.clear()
  client.execute('esmcache.clear', {}, function(cleared)
    vim.notify(('esmcache: cache cleared, %s → %s'):format(size(cleared.bytesBefore), size(cleared.bytesAfter)))
  end)
end

--- Run this file served from the cache, in a terminal below; the command's arguments are the program's.
function M.run(arguments)
  if vim.bo.modified then
    vim.notify('esmcache: Node runs the file as it was last written', vim.log.levels.WARN)
  end
  client.execute('esmcache.launch', { this_file() }, function(launch)
    local command = vim.list_extend({ launch.executable }, launch.args)
    vim.list_extend(command, arguments.fargs)
    local options = vim.empty_dict()
    if next(launch.env) then
      options.env = launch.env
    end
    vim.cmd('botright new')
    if vim.fn.has('nvim-0.11') == 1 then
      options.term = true
      vim.fn.jobstart(command, options)
    else
      vim.fn.termopen(command, options)
    end
    -- At the last line a terminal's window follows the output.
    vim.cmd('normal! G')
  end)
end

return M
