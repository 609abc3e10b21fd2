-- The subcommands of :Esmcache: one request each, and its answer shown.

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
    text = ('%s\n%s%s: %s [%s]'):format(
      text,
      vim.fn.fnamemodify(problem.path, ':~:.'),
      line,
      problem.message,
      problem.code
    )
  end
  vim.notify(text, #summary.problems > 0 and vim.log.levels.WARN or vim.log.levels.INFO)
end

--- Warm this file and all it reaches.
local function warm()
  client.execute('esmcache.warm', { this_file() }, show_summary)
end

--- Warm the workspace.
local function warm_workspace()
  client.execute('esmcache.warmWorkspace', {}, show_summary)
end

--- Show what is cached: sizes, the largest packages, engines.
local function stats()
  client.execute('esmcache.stats', {}, function(counts)
    local lines = {
      '# esmcache',
      '',
      ('%s of %s, %s'):format(
        count(counts.modules, 'module'),
        count(counts.entryPoints, 'entry point'),
        size(counts.totalBytes)
      ),
      vim.fn.fnamemodify(counts.directory, ':~'),
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
        table.insert(
          lines,
          ('- `%s`: %s, %s'):format(label:gsub('`', "'"), count(row.modules, 'module'), size(row.bytes))
        )
      end
    end
    section('Packages', counts.packages, 'name')
    section('Engines', counts.engines, 'tag')
    show(lines)
  end)
end

--- Say why this file is or is not served.
local function explain()
  client.execute('esmcache.explain', { this_file() }, function(explanation)
    show(vim.split(explanation.text, '\n'))
  end)
end

--- Remove everything that is cached.
local function clear()
  client.execute('esmcache.clear', {}, function(cleared)
    vim.notify(('esmcache: cache cleared, %s → %s'):format(size(cleared.bytesBefore), size(cleared.bytesAfter)))
  end)
end

--- Run this file served from the cache, in a terminal below.
local function run(program_arguments)
  if vim.bo.modified then
    vim.notify('esmcache: Node runs the file as it was last written', vim.log.levels.WARN)
  end
  client.execute('esmcache.launch', { this_file() }, function(launch)
    local command = vim.list_extend({ launch.executable }, launch.args)
    vim.list_extend(command, program_arguments)
    vim.cmd('botright new')
    vim.fn.jobstart(command, { term = true, env = next(launch.env) and launch.env or nil })
    -- At the last line a terminal's window follows the output.
    vim.cmd('normal! G')
  end)
end

local SUBCOMMANDS = {
  clear = { run = clear },
  explain = { run = explain },
  run = { run = run, complete_argument = 'file' },
  stats = { run = stats },
  warm = { run = warm },
  ['warm-workspace'] = { run = warm_workspace },
}

local function names()
  local sorted = vim.tbl_keys(SUBCOMMANDS)
  table.sort(sorted)
  return sorted
end

--- Run the subcommand that the first word names; the other words are its arguments.
---@param words string[]
function M.execute(words)
  local name = words[1]
  local subcommand = SUBCOMMANDS[name]
  local failure
  if not subcommand then
    failure = ('there is no subcommand %s; there are %s'):format(name, table.concat(names(), ', '))
  elseif #words > 1 and not subcommand.complete_argument then
    failure = ('the subcommand %s takes no arguments'):format(name)
  end
  if failure then
    vim.notify('esmcache: ' .. failure, vim.log.levels.ERROR)
  else
    subcommand.run(vim.list_slice(words, 2))
  end
end

--- Return what can stand for the word that begins with `lead`, at the end of a command line.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  -- Modifiers like `vertical` stand before the command's name and are in lower case.
  local name = line:match('%f[%w]%u%w*%s+(%S+)%s')
  if name then
    local kind = SUBCOMMANDS[name] and SUBCOMMANDS[name].complete_argument
    return kind and vim.fn.getcompletion(lead, kind) or {}
  end
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, names())
end

return M
