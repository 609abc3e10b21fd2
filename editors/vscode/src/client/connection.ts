// Owns the language client: starts, stops and restarts it, and tells everyone else what it is doing.
import * as vscode from 'vscode';
import {
  LanguageClient,
  State,
  TransportKind,
  type LanguageClientOptions,
  type ServerOptions,
} from 'vscode-languageclient/node';

import { findServer } from '../server/findServer';
import type { ServerCommand } from '../server/serverCommand';
import {
  graphRequest,
  modulesRequest,
  statisticsRequest,
  statusNotification,
  trustNotification,
  type Graph,
  type Modules,
  type Statistics,
  type Status,
} from './protocol';
import { initializationOptions, SECTION, serverSettings } from './settings';
import { StatusCapability } from './statusCapability';
import { traceChannel } from './traceChannel';

/** The languages of the files that Node runs; package.json names them, too. */
export const PROGRAM_LANGUAGES = ['javascript', 'typescript'];

/** The files that the server knows. Node does not load TSX, and the server says so in such a file. */
export const DOCUMENTS = [...PROGRAM_LANGUAGES, 'typescriptreact'].map((language) => ({ scheme: 'file', language }));

/** What the server is doing: `missing` means that none was found, `stopped` that it failed or was stopped. */
export type ServerState = 'starting' | 'running' | 'stopped' | 'missing';

export class Connection implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private serial: Promise<void> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<void>();

  /** Fires whenever any of the properties below has changed. */
  readonly onDidChange = this.changed.event;
  state: ServerState = 'stopped';
  status: Status | undefined;
  server: ServerCommand | undefined;
  /** Why the server is not running, or "". */
  failure = '';

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
  ) {}

  /** Start the server, or stop it and start it again; calls while one is under way wait for their turn. */
  restart(): Promise<void> {
    this.serial = this.serial.then(async () => {
      await this.stop();
      await this.start();
    });
    return this.serial;
  }

  /** Tell the server that the workspace is trusted now; where another server is chosen then, that is started. */
  takeTrust(): Promise<void> {
    this.serial = this.serial.then(async () => {
      const chosen = await findServer(this.context).catch(() => null);
      if (this.state === 'running' && JSON.stringify(chosen) === JSON.stringify(this.server)) {
        await this.running.sendNotification(trustNotification, { trusted: true });
        this.changed.fire();
        return;
      }
      await this.stop();
      await this.start();
    });
    return this.serial;
  }

  /** Return the running client; raises with a line for the user if there is none. */
  get running(): LanguageClient {
    if (this.client === undefined || this.state !== 'running') {
      throw new Error(this.failure || 'the language server is not running');
    }
    return this.client;
  }

  /** Send one of the server's commands and return its answer. */
  execute<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
    return this.running.sendRequest('workspace/executeCommand', { command, arguments: args });
  }

  /** Return what is cached, in figures. */
  statistics(): Promise<Statistics> {
    return this.running.sendRequest(statisticsRequest, {});
  }

  /** Return all packages and modules that the workspace's entry points reach. */
  modules(): Promise<Modules> {
    return this.running.sendRequest(modulesRequest, {});
  }

  /** Return the graph of what a file reaches, or of all entry points. */
  graph(uri: vscode.Uri | undefined): Promise<Graph> {
    return this.running.sendRequest(graphRequest, uri === undefined ? {} : { uri: uri.toString() });
  }

  dispose(): void {
    void this.stop();
    this.changed.dispose();
  }

  private async start(): Promise<void> {
    this.set('starting', '');
    try {
      this.server = (await findServer(this.context)) ?? undefined;
    } catch (error) {
      return this.fail('stopped', error);
    }
    if (this.server === undefined) return this.set('missing', 'no language server was found');
    this.log.info(`server (${this.server.origin}): ${[this.server.command, ...this.server.args].join(' ')}`);
    const client = new LanguageClient(SECTION, 'esmcache', serverOptions(this.server), this.clientOptions());
    this.client = client;
    client.registerFeature(new StatusCapability());
    client.onNotification(statusNotification, (status) => {
      this.status = status;
      this.changed.fire();
    });
    client.onDidChangeState(({ newState }) => {
      if (client === this.client) this.follow(newState);
    });
    try {
      await client.start();
    } catch (error) {
      this.fail('stopped', error);
    }
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.status = undefined;
    if (client === undefined) return;
    // A client that is still starting, or failed to, refuses to be stopped; nothing is lost by that.
    await client.dispose().catch((error: unknown) => this.log.warn(`stopping the server: ${String(error)}`));
    this.set('stopped', '');
  }

  private follow(state: State): void {
    if (state === State.Running) this.set('running', '');
    else if (state === State.Starting) this.set('starting', '');
    else {
      this.status = undefined;
      this.set('stopped', 'the language server has stopped');
    }
  }

  private fail(state: ServerState, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.log.error(message);
    this.set(state, message);
  }

  private set(state: ServerState, failure: string): void {
    this.state = state;
    this.failure = failure;
    void vscode.commands.executeCommand('setContext', 'esmcache.server', state === 'missing' ? 'stopped' : state);
    this.changed.fire();
  }

  private clientOptions(): LanguageClientOptions {
    return {
      documentSelector: DOCUMENTS,
      initializationOptions: initializationOptions(),
      outputChannel: this.log,
      traceOutputChannel: traceChannel(this.log),
      middleware: {
        workspace: {
          configuration: async (params, token, next) => {
            const answer = await next(params, token);
            return Array.isArray(answer)
              ? answer.map((section: unknown) => (isSection(section) ? serverSettings(section) : section))
              : answer;
          },
        },
      },
    };
  }
}

function serverOptions({ command, args, env }: ServerCommand): ServerOptions {
  return {
    command,
    args,
    transport: TransportKind.stdio,
    options: { env: { ...process.env, ...env } },
  };
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
