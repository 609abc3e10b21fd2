"""Compares our early errors with V8's refusals of module texts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from esmcache.analysis import analyse_module
from esmcache.diagnostics import Diagnostic, Severity

# This runs in Node and returns V8's refusal of each module text.
REFUSALS = """
const vm = require('node:vm');
const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(texts.map((text) => {
  try { new vm.SourceTextModule(text); return null } catch (error) { return error.message }
})));
"""


def refusals(node: Path, texts: Sequence[str]) -> list[str | None]:
    """Return V8's message for each text, or None if V8 accepts it."""
    command = [str(node), "--experimental-vm-modules", "--no-warnings", "-e", REFUSALS]
    result = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
    answer: list[str | None] = json.loads(result.stdout)
    return answer


def errors(text: str) -> list[Diagnostic]:
    """Return the diagnostics of a text that make it an invalid module."""
    return [item for item in analyse_module(text.encode()).diagnostics if item.kind.severity is Severity.ERROR]


def differing_verdicts(node: Path, texts: Sequence[str]) -> list[tuple[str, str | None, list[str]]]:
    """Return each text that only one of V8 and us refuses, with V8's message and our errors."""
    return [
        (text, refusal, [item.message for item in errors(text)])
        for text, refusal in zip(texts, refusals(node, texts), strict=True)
        if bool(errors(text)) != (refusal is not None)
    ]
