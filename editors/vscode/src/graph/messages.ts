// What passes between the extension and the page of the module graph.
import type { Graph } from '../client/protocol';

export type ToPage = { type: 'graph'; title: string; graph: Graph } | { type: 'failed'; message: string };

export type FromPage = { type: 'ready' } | { type: 'open'; uri: string } | { type: 'reload' };

/** What the page keeps, so that a panel of an earlier session can be shown again. */
export interface KeptState {
  uri: string | null;
}
