// The legend, which is also a filter: one button for each state that occurs, with a count, to hide or show it.
import type { Graph, ModuleState } from '../../client/protocol';

const STATES: ModuleState[] = ['fresh', 'stale', 'cold', 'native'];

export class StateFilter {
  private readonly hidden = new Set<ModuleState>();

  constructor(
    private readonly container: HTMLElement,
    private readonly changed: (hidden: ReadonlySet<ModuleState>) => void,
  ) {}

  show({ nodes, edges }: Graph): void {
    const buttons = STATES.map((state) => ({ state, count: nodes.filter((node) => node.state === state).length }))
      .filter(({ count }) => count > 0)
      .map(({ state, count }) => this.button(state, count));
    this.container.replaceChildren(...buttons, ...legend(nodes, edges));
  }

  private button(state: ModuleState, count: number): HTMLButtonElement {
    const button = document.createElement('button');
    button.className = `state-${state}`;
    button.textContent = `${count.toLocaleString('en')} ${state}`;
    button.title = `Hide or show ${state} modules`;
    const mark = (): void => button.setAttribute('aria-pressed', String(!this.hidden.has(state)));
    mark();
    button.addEventListener('click', () => {
      if (!this.hidden.delete(state)) this.hidden.add(state);
      mark();
      this.changed(this.hidden);
    });
    return button;
  }
}

/** Return what tells the other marks, of those that occur. */
function legend(nodes: Graph['nodes'], edges: Graph['edges']): HTMLElement[] {
  const marks = [
    { occurs: nodes.some(({ inCycle }) => inCycle), className: 'cycle', textContent: 'in a cycle' },
    { occurs: edges.some(({ dynamic }) => dynamic), className: 'dynamic', textContent: 'asked for by running code' },
  ];
  return marks
    .filter(({ occurs }) => occurs)
    .map(({ className, textContent }) => Object.assign(document.createElement('span'), { className, textContent }));
}
