-- TypeScript is cold until it is written, and syntax that Node does not strip is marked at its place.
local support = ...

local function shown(code)
  return support.wait_for(code, function()
    for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
      if diagnostic.code == code then
        return diagnostic
      end
    end
  end)
end

support.client()
vim.fn.writefile({ 'import { greet } from "./greet.mjs";', 'import "./missing.ts";', 'greet("" as string);' }, 'app.ts')
vim.cmd('edit app.ts')
assert(support.client().name == 'esmcache')
shown('unresolved-import')

vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'enum Place { Here }' })
vim.cmd('write')
local wrong = shown('unsupported-typescript-syntax')
assert(wrong.lnum == 1 and wrong.col == 0 and wrong.end_col == 19, vim.inspect(wrong))

vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'const where: string = "here";' })
vim.cmd('write')
support.wait_for('a warm file without diagnostics', function()
  return #vim.diagnostic.get(0) == 0
end)

vim.api.nvim_buf_set_lines(0, 0, -1, false, {})
vim.cmd('edit! view.tsx')
vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'export const view = (text: string) => <b>{text}</b>;' })
vim.cmd('write')
support.has(shown('not-served').message, 'Unknown file extension "%.tsx"')
assert(#vim.diagnostic.get(0) == 1, vim.inspect(vim.diagnostic.get(0)))
