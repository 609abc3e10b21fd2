// What a line of the tree "ESM cache" says: a package with counts, or a module with its state and size.
import * as vscode from 'vscode';

import type { CachedModule, CachedPackage, ModuleState } from '../client/protocol';
import { formatBytes, formatCount } from '../format';
import { codeSpan, escaped, printable } from '../text';

const ICONS: Record<ModuleState, vscode.ThemeIcon> = {
  fresh: new vscode.ThemeIcon('pass-filled', new vscode.ThemeColor('charts.green')),
  stale: new vscode.ThemeIcon('history', new vscode.ThemeColor('charts.yellow')),
  cold: new vscode.ThemeIcon('circle-outline', new vscode.ThemeColor('charts.blue')),
  native: new vscode.ThemeIcon('circle-slash', new vscode.ThemeColor('disabledForeground')),
};

const MEANINGS: Record<ModuleState, string> = {
  fresh: 'Fresh: served from the cache.',
  stale: 'Stale: changed since it was cached.',
  cold: 'Cold: not cached yet.',
  native: 'Native: loaded by Node itself.',
};

/** Return whether warming would do anything for the module. */
export function isNotWarm({ state }: CachedModule): boolean {
  return state === 'stale' || state === 'cold';
}

export class PackageItem extends vscode.TreeItem {
  constructor(
    readonly package_: CachedPackage,
    readonly modules: CachedModule[],
  ) {
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    super(printable(package_.name), package_.isWorkspace ? Expanded : Collapsed);
    const { name, version, root, isWorkspace } = package_;
    const bytes = modules.reduce((sum, module) => sum + module.bytes, 0);
    const notWarm = modules.filter(isNotWarm).length;
    const warm = notWarm === 0 ? '' : ` · ${notWarm} not warm`;
    this.id = `package ${root}`;
    this.description =
      `${printable(version)} · ${formatCount(modules.length, 'module')} · ${formatBytes(bytes)}${warm}`.replace(
        /^ · /,
        '',
      );
    this.tooltip = new vscode.MarkdownString(
      [
        `${codeSpan(name)} ${escaped(version)}`,
        counts(modules),
        `${formatBytes(bytes)} of source`,
        codeSpan(vscode.Uri.parse(root).fsPath),
      ].join('\n\n'),
    );
    this.iconPath = new vscode.ThemeIcon(isWorkspace ? 'root-folder' : 'package');
    this.contextValue = isWorkspace ? 'package.workspace' : 'package.dependency';
  }
}

export class ModuleItem extends vscode.TreeItem {
  readonly uri: vscode.Uri;

  constructor(module: CachedModule) {
    super(printable(module.name), vscode.TreeItemCollapsibleState.None);
    const { uri, kind, state, bytes, bytecodeBytes } = module;
    const problem = printable(module.problem);
    this.uri = vscode.Uri.parse(uri);
    this.id = `module ${uri}`;
    this.description = [formatBytes(bytes), kind === 'module' ? '' : kind, problem].filter(Boolean).join(' · ');
    this.tooltip = new vscode.MarkdownString(
      [
        MEANINGS[state],
        escaped(problem),
        `${formatBytes(bytes)} of source, ${formatBytes(bytecodeBytes)} of bytecode`,
        codeSpan(this.uri.fsPath),
      ]
        .filter(Boolean)
        .join('\n\n'),
    );
    this.iconPath = ICONS[state];
    this.contextValue = `module.${state}`;
    this.accessibilityInformation = { label: `${printable(module.name)}, ${state}, ${this.description}` };
    this.command = { command: 'vscode.open', title: 'Open', arguments: [this.uri, { preview: true }] };
  }
}

function counts(modules: CachedModule[]): string {
  const states: ModuleState[] = ['fresh', 'stale', 'cold', 'native'];
  return states
    .map((state) => ({ state, count: modules.filter((module) => module.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
    .join(' · ');
}
