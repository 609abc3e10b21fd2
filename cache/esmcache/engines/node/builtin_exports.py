"""The names that Node's built-in modules export, as a Node executable reports them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from esmcache.engines.node.describe_node import clean_environment
from esmcache.records import NodeBuild

_SECONDS = 30
# An export that only a flag adds is not certain to be missing, so Node runs with --experimental-vm-modules. `process`
# and `cluster` are left out: their exports depend on how the process was started.
_LIST = """
const { builtinModules } = require('node:module');
const schemeOnly = ['sea', 'sqlite', 'test', 'test/reporters'].map((name) => `node:${name}`);
const names = new Set([...builtinModules, ...schemeOnly].filter((name) => !/^_|^(process|cluster)$/.test(name)));
(async () => {
  const found = {};
  for (const name of names) {
    try {
      found[name] = Object.keys(await import(name));
    } catch {}
  }
  process.stdout.write(JSON.stringify(found));
})();
"""


@lru_cache(maxsize=4)
def builtin_exports(build: NodeBuild) -> Mapping[str, tuple[str, ...]]:
    """Return the exports of Node's built-in modules by module name, with `node:` only if the module requires it.

    Modules whose exports are uncertain are left out. The result is empty if the executable does not answer.
    """
    try:
        answer = subprocess.run(
            [build.executable, "--experimental-vm-modules", "--no-warnings", "-e", _LIST],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(os.environ),
            cwd=Path(build.executable).anchor or None,
            timeout=_SECONDS,
            check=False,
        )
        return {name: tuple(exports) for name, exports in json.loads(answer.stdout).items()}
    except (OSError, ValueError, AttributeError, TypeError, subprocess.SubprocessError):
        return {}
