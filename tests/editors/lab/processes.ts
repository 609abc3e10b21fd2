// Starts long-running programs in process groups of their own, waits until they answer, and ends them for good.
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface Started {
  stop(): Promise<void>;
}

/** Start a program that writes to `log`, and wait until `url` answers; raises if it ends before that. */
export async function startServer(
  command: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; log: string; url: string },
): Promise<Started> {
  const log = openSync(options.log, 'a');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env: options.env });
  const ended = new Promise<void>((done) => child.on('exit', () => done()));
  while (!(await answers(options.url))) {
    if (child.exitCode !== null) throw new Error(`${args[0]} ended with ${child.exitCode}; see ${options.log}`);
    await pause(100);
  }
  return { stop: () => stop(child, ended) };
}

/** Return a port on which nothing listens now. */
export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status < 500;
  } catch {
    return false;
  }
}

/** End the whole group: extension hosts and language servers are children of children. */
async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  process.kill(-child.pid, 'SIGTERM');
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // No process of the group is left.
  }
}
