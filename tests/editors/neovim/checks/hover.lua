-- A hover over an import names the module that it resolves to.
local support = ...

support.client()
support.wait_for('the first diagnostics', function()
  return #vim.diagnostic.get(0) > 0
end)
vim.fn.cursor(1, 26)
vim.lsp.buf.hover()
support.has(support.float(), 'greet%.mjs')
