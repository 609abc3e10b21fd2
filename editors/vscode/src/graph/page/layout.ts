// Runs the force layout in a worker of its own, for as long as a graph of that size needs to settle.
import { inferSettings } from 'graphology-layout-forceatlas2';
import ForceLayout from 'graphology-layout-forceatlas2/worker';

import type { Model } from './model';

/** How long a layout runs: small graphs settle at once, large ones get some seconds. */
const LEAST_MILLISECONDS = 1200;
const MILLISECONDS_PER_NODE = 3;
const MOST_MILLISECONDS = 9000;

export class Layout {
  private readonly worker: ForceLayout;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly model: Model,
    private readonly changed: (isRunning: boolean) => void,
  ) {
    const settings = { ...inferSettings(model), barnesHutOptimize: model.order > 300, gravity: 0.6, slowDown: 4 };
    this.worker = new ForceLayout(model, { settings });
  }

  get isRunning(): boolean {
    return this.worker.isRunning();
  }

  start(): void {
    const milliseconds = LEAST_MILLISECONDS + MILLISECONDS_PER_NODE * this.model.order;
    this.worker.start();
    this.timer = setTimeout(() => this.stop(), Math.min(MOST_MILLISECONDS, milliseconds));
    this.changed(true);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.worker.stop();
    this.changed(false);
  }

  /** End the worker; the layout cannot be started again. */
  kill(): void {
    clearTimeout(this.timer);
    this.worker.kill();
  }
}
