// Runs in a terminal, by itself: starts a program, waits, and prints how long that took beside a plain start.
// Both kinds of start are measured here, in the same way: from before the process is spawned until it has ended.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import type { Launch } from '../client/protocol';
import { formatMilliseconds } from '../format';

export interface Run {
  launch: Launch;
  runs: number;
  compares: boolean;
  /** What a plain start took when it was last measured. */
  plainMilliseconds: number | null;
  /** The file that the measurement is written to. */
  result: string;
}

/** Medians of the starts. */
export interface Measurement {
  servedMilliseconds: number;
  plainMilliseconds: number | null;
}

interface Ended {
  milliseconds: number;
  code: number | null;
  signal: NodeJS.Signals | null;
}

async function main(): Promise<void> {
  const run = JSON.parse(process.env.ESMCACHE_TIMED_RUN ?? '') as Run;
  // An interrupt from the keyboard reaches the program as well; what it does about it is its own affair.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
  const served: Ended[] = [];
  const plain: Ended[] = [];
  for (let round = 0; round < run.runs; round++) {
    served.push(await start(run.launch, true));
    if (interrupted(served)) break;
    if (run.compares) plain.push(await start(run.launch, false));
    if (interrupted(plain)) break;
  }
  const last = (plain.at(-1) ?? served.at(-1)) as Ended;
  if (!interrupted(served) && !interrupted(plain)) {
    const measurement = {
      servedMilliseconds: median(served),
      plainMilliseconds: plain.length > 0 ? median(plain) : run.plainMilliseconds,
    };
    process.stderr.write(`\n\x1b[2m${sentence(measurement, run)}\x1b[22m\n`);
    writeFileSync(run.result, JSON.stringify(measurement));
  }
  process.exitCode = last.code ?? 1;
}

function start(launch: Launch, isServed: boolean): Promise<Ended> {
  const { ESMCACHE_TIMED_RUN: _, ESMCACHE_DISABLE: __, ...environment } = process.env;
  const env = { ...environment, ...launch.env, NODE_OPTIONS: withoutHook(environment.NODE_OPTIONS, launch.hook) };
  const args = isServed ? launch.args : withoutPreload(launch);
  const before = process.hrtime.bigint();
  return new Promise((done, fail) => {
    const child = spawn(launch.executable, args, { stdio: 'inherit', env });
    child.on('error', fail);
    child.on('exit', (code, signal) => {
      done({ milliseconds: Number(process.hrtime.bigint() - before) / 1e6, code, signal });
    });
  });
}

function withoutPreload({ args, hook }: Launch): string[] {
  const at = args.indexOf(hook);
  return at > 0 ? [...args.slice(0, at - 1), ...args.slice(at + 1)] : args;
}

/** Return NODE_OPTIONS without the preload that a served terminal puts there. */
function withoutHook(options: string | undefined, hook: string): string {
  const escaped = hook.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return (options ?? '').replaceAll(`--require "${escaped}"`, '').replaceAll(`--require ${hook}`, '').trim();
}

function interrupted(ended: Ended[]): boolean {
  return ended.some(({ signal }) => signal !== null);
}

function median(ended: Ended[]): number {
  const sorted = ended.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

function sentence({ servedMilliseconds, plainMilliseconds }: Measurement, { runs, compares }: Run): string {
  const served = `esmcache: ${formatMilliseconds(servedMilliseconds)} with the cache`;
  if (plainMilliseconds === null) return `${served} (Compare measures it without)`;
  const ratio = plainMilliseconds / servedMilliseconds;
  const times = `${formatMilliseconds(plainMilliseconds)} without: ${ratio.toFixed(ratio < 9.95 ? 1 : 0)} × as fast`;
  const how = !compares ? ' (measured before)' : runs > 1 ? ` (medians of ${runs} starts each)` : '';
  return `${served}, ${times}${how}`;
}

void main();
