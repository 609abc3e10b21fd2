// What the server speaks beyond plain LSP: the shapes of its requests, answers and its notifications.
import { NotificationType, RequestType } from 'vscode-languageclient/node';

/** How much of a module is cached: all, an older text, nothing, or it is left to Node. */
export type ModuleState = 'fresh' | 'stale' | 'cold' | 'native';

export interface Status {
  health: 'ok' | 'warning' | 'error';
  /** False while something is being indexed or warmed. */
  quiescent: boolean;
  message: string;
  fresh: number;
  stale: number;
  cold: number;
  native: number;
  bytes: number;
  engine: string;
}

export interface Statistics {
  directory: string;
  totalBytes: number;
  bytes: Record<string, number>;
  files: Record<string, number>;
  entryPoints: number;
  modules: number;
  packages: { name: string; modules: number; bytes: number }[];
  engines: { tag: string; modules: number; bytes: number }[];
  counters: Record<string, number>;
}

export interface GraphNode {
  uri: string;
  name: string;
  package: string;
  kind: 'module' | 'commonjs' | 'json' | 'builtin' | 'other';
  state: ModuleState;
  bytes: number;
  inCycle: boolean;
  problem: string;
}

export interface Graph {
  root: string | null;
  truncated: boolean;
  nodes: GraphNode[];
  /** `from` and `to` are indices into `nodes`. */
  edges: { from: number; to: number; dynamic: boolean }[];
}

export interface CachedModule {
  uri: string;
  /** The path relative to the package's root. */
  name: string;
  kind: GraphNode['kind'];
  state: ModuleState;
  bytes: number;
  bytecodeBytes: number;
  problem: string;
}

export interface CachedPackage {
  name: string;
  version: string;
  root: string;
  isWorkspace: boolean;
  modules: CachedModule[];
}

export interface Modules {
  packages: CachedPackage[];
}

export interface Summary {
  entries: number;
  modules: number;
  served: number;
  native: number;
  compiled: number;
  seconds: number;
  problems: { path: string; code: string; message: string; line: number }[];
}

export interface Explanation {
  uri: string;
  state: ModuleState;
  served: boolean;
  reason: string;
  /** Markdown. */
  text: string;
}

/** What starts a program served: `executable ...args` with `env` added to the environment. */
export interface Launch {
  executable: string;
  args: string[];
  env: Record<string, string>;
  hook: string;
}

/** Sent when the user has decided whether the workspace is trusted. */
export const trustNotification = new NotificationType<{ trusted: boolean }>('esmcache/didChangeTrust');
export const statusNotification = new NotificationType<Status>('esmcache/status');
// Parameters that are left out altogether are not understood by every library that servers are made with.
export const statisticsRequest = new RequestType<Record<string, never>, Statistics, void>('esmcache/stats');
export const graphRequest = new RequestType<{ uri?: string }, Graph, void>('esmcache/graph');
export const modulesRequest = new RequestType<Record<string, never>, Modules, void>('esmcache/modules');

/** The names of the server's commands; the client library registers them while the server runs. */
export const serverCommands = {
  warm: 'esmcache.warm',
  warmWorkspace: 'esmcache.warmWorkspace',
  rebuild: 'esmcache.rebuild',
  clear: 'esmcache.clear',
  explain: 'esmcache.explain',
  showOutput: 'esmcache.showOutput',
  launch: 'esmcache.launch',
} as const;
