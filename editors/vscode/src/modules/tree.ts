// The tree "ESM cache": packages, the workspace's first, and their modules; asks the server again when it has settled.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import type { CachedPackage } from '../client/protocol';
import { isNotWarm, ModuleItem, PackageItem } from './items';

type Item = PackageItem | ModuleItem;

const FILTER_CONTEXT = 'esmcache.onlyNotWarm';

export class ModuleTree implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly view: vscode.TreeView<Item>;
  private readonly listener: vscode.Disposable;
  private packages: PackageItem[] | undefined;
  private shownStatus = '';
  private onlyNotWarm = false;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly connection: Connection) {
    this.view = vscode.window.createTreeView('esmcache.modules', { treeDataProvider: this, showCollapseAll: true });
    this.listener = connection.onDidChange(() => this.follow());
    this.setFilter(false);
  }

  /** Ask the server anew. */
  refresh(): void {
    this.packages = undefined;
    this.changed.fire();
  }

  /** Show only what is stale or cold, or everything. */
  setFilter(onlyNotWarm: boolean): void {
    this.onlyNotWarm = onlyNotWarm;
    void vscode.commands.executeCommand('setContext', FILTER_CONTEXT, onlyNotWarm);
    this.refresh();
  }

  getTreeItem(item: Item): vscode.TreeItem {
    return item;
  }

  async getChildren(item?: Item): Promise<Item[]> {
    if (item instanceof PackageItem) {
      return item.modules.map((module) => new ModuleItem(module));
    }
    if (this.connection.state !== 'running') return [];
    this.packages ??= await this.ask();
    this.view.badge = badge(this.packages);
    return this.packages;
  }

  dispose(): void {
    this.listener.dispose();
    this.view.dispose();
    this.changed.dispose();
  }

  private async ask(): Promise<PackageItem[]> {
    const { packages } = await this.connection.modules();
    return packages
      .map((package_) => new PackageItem(package_, this.shown(package_)))
      .filter(({ modules }) => modules.length > 0)
      .sort((a, b) => Number(b.package_.isWorkspace) - Number(a.package_.isWorkspace) || compare(a, b));
  }

  private shown({ modules }: CachedPackage): CachedPackage['modules'] {
    const chosen = this.onlyNotWarm ? modules.filter(isNotWarm) : [...modules];
    return chosen.sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Refresh when the server has come to rest with other figures, or has come or gone. */
  private follow(): void {
    const { state, status } = this.connection;
    if (state === 'running' && status?.quiescent === false) return;
    const seen = JSON.stringify([state, status]);
    if (seen === this.shownStatus) return;
    this.shownStatus = seen;
    this.refresh();
  }
}

/** Return the commands of the tree by their names. */
export function treeCommands(tree: ModuleTree): Record<string, () => void> {
  return {
    'esmcache.modules.refresh': () => tree.refresh(),
    'esmcache.modules.showNotWarm': () => tree.setFilter(true),
    'esmcache.modules.showAll': () => tree.setFilter(false),
  };
}

function badge(packages: PackageItem[]): vscode.ViewBadge | undefined {
  const notWarm = packages
    .filter(({ package_ }) => package_.isWorkspace)
    .flatMap(({ modules }) => modules)
    .filter(isNotWarm);
  return notWarm.length === 0
    ? undefined
    : { value: notWarm.length, tooltip: `${notWarm.length} of the workspace's modules are not warm` };
}

function compare(a: PackageItem, b: PackageItem): number {
  return a.package_.name.localeCompare(b.package_.name);
}
