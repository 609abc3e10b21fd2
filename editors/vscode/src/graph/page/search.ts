// The search field: finds modules by their name or package, lists them, and leads to the one that is chosen.
import type { NodeAttributes } from './model';

const LISTED = 12;

export interface SearchEvents {
  found: (uris: ReadonlySet<string> | null) => void;
  focus: (uri: string) => void;
  open: (uri: string) => void;
}

export class Search {
  private nodes: NodeAttributes[] = [];

  constructor(
    private readonly input: HTMLInputElement,
    private readonly list: HTMLElement,
    private readonly events: SearchEvents,
  ) {
    input.addEventListener('input', () => this.update());
    input.addEventListener('keydown', (event) => {
      const [first] = this.matching();
      if (event.key === 'Enter' && first) this.events.focus(first.uri);
      if (event.key === 'ArrowDown') list.querySelector('button')?.focus();
      if (event.key === 'Escape') this.clear();
    });
    list.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' } as const;
      const way = step[event.key as keyof typeof step];
      const item = document.activeElement?.parentElement?.[way];
      if (way !== undefined) (item?.querySelector('button') ?? input).focus();
    });
  }

  setNodes(nodes: NodeAttributes[]): void {
    this.nodes = nodes;
    this.update();
  }

  private clear(): void {
    this.input.value = '';
    this.update();
  }

  private matching(): NodeAttributes[] {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    return this.nodes
      .filter(({ name, package: package_ }) =>
        words.every((word) => `${package_}/${name}`.toLowerCase().includes(word)),
      )
      .sort((a, b) => a.name.length - b.name.length || a.name.localeCompare(b.name));
  }

  private update(): void {
    const matching = this.matching();
    const isSearching = this.input.value.trim() !== '';
    this.list.hidden = !isSearching;
    this.list.replaceChildren(...matching.slice(0, LISTED).map((node) => this.item(node)), ...rest(matching.length));
    this.events.found(isSearching ? new Set(matching.map(({ uri }) => uri)) : null);
  }

  private item({ uri, name, package: package_, state }: NodeAttributes): HTMLLIElement {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.className = `state-${state}`;
    button.append(name, Object.assign(document.createElement('span'), { textContent: package_ }));
    button.addEventListener('focus', () => this.events.focus(uri));
    button.addEventListener('click', () => this.events.focus(uri));
    button.addEventListener('dblclick', () => this.events.open(uri));
    button.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.events.open(uri);
    });
    item.append(button);
    return item;
  }
}

function rest(count: number): HTMLLIElement[] {
  if (count > 0 && count <= LISTED) return [];
  const item = document.createElement('li');
  item.className = 'rest';
  item.textContent = count === 0 ? 'Nothing found' : `and ${count - LISTED} more`;
  return [item];
}
