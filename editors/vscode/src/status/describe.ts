// Puts the state of server and cache into words and icons; both status items and the menu say the same.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import { formatBytes, formatCount } from '../format';
import { codeSpan, escaped, printable } from '../text';

export interface Description {
  /** A few characters for the status bar, with an icon. */
  short: string;
  /** One line. */
  line: string;
  /** Further lines, Markdown. */
  details: string[];
  severity: vscode.LanguageStatusSeverity;
  busy: boolean;
}

const { Information, Warning, Error: Failure } = vscode.LanguageStatusSeverity;

/** Return what is to be shown of the connection now. */
export function describe(connection: Connection): Description {
  const { state, status, failure } = connection;
  if (state === 'starting') return plain('$(sync~spin)', 'starting the language server', Information, true);
  if (state !== 'running') return plain('$(error)', failure || 'the language server is not running', Failure, false);
  if (status === undefined) return plain('$(zap)', 'the language server is running', Information, false);
  const { fresh, stale, cold, native, health, quiescent } = status;
  const message = printable(status.message);
  // Modules that Node loads itself cannot become warm.
  const all = fresh + stale + cold;
  const icon = !quiescent ? '$(sync~spin)' : { ok: '$(zap)', warning: '$(warning)', error: '$(error)' }[health];
  const counted =
    all + native === 0 ? 'no modules' : `${fresh.toLocaleString('en')} of ${formatCount(all, 'module')} warm`;
  const details = [
    `${fresh} fresh · ${stale} stale · ${cold} cold · ${native} native`,
    `${formatBytes(status.bytes)} in the cache`,
    status.engine === '' ? 'No supported Node was found' : `Engine ${codeSpan(status.engine)}`,
  ];
  if (message !== '') details.unshift(escaped(message));
  return {
    short: all === 0 ? `${icon} esmcache` : `${icon} ${fresh}/${all} warm`,
    line: message === '' ? counted : all === 0 ? message : `${counted}: ${message}`,
    details,
    severity: { ok: Information, warning: Warning, error: Failure }[health],
    busy: !quiescent,
  };
}

function plain(icon: string, line: string, severity: vscode.LanguageStatusSeverity, busy: boolean): Description {
  return { short: `${icon} esmcache`, line, details: [], severity, busy };
}
