// The page of the module graph: puts its parts together, and talks with the extension.
import { formatBytes, formatCount } from '../../format';
import type { Graph } from '../../client/protocol';
import type { FromPage, KeptState, ToPage } from '../messages';
import { Drawing } from './drawing';
import type { NodeAttributes } from './model';
import { Search } from './search';
import { StateFilter } from './stateFilter';
import { onThemeChange } from './theme';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void; setState(state: KeptState): void };

const editor = acquireVsCodeApi();
const element = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;
const layoutButton = element<HTMLButtonElement>('layout');

const open = (uri: string): void => editor.postMessage({ type: 'open', uri });
const drawing = new Drawing(element('drawing'), {
  open,
  point: showPointed,
  layout: (isRunning) => {
    layoutButton.textContent = isRunning ? 'Hold' : 'Settle';
    document.body.dataset.layout = isRunning ? 'running' : 'settled';
  },
});
const search = new Search(element('search'), element('found'), {
  found: (uris) => drawing.setFound(uris),
  focus: (uri) => drawing.focus(uri),
  open,
});
const states = new StateFilter(element('states'), (hidden) => drawing.setHiddenStates(hidden));

element('fit').addEventListener('click', () => drawing.fit());
element('reload').addEventListener('click', () => editor.postMessage({ type: 'reload' }));
layoutButton.addEventListener('click', () => drawing.toggleLayout());
onThemeChange(() => drawing.recolour());
window.addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'failed') showMessage(data.message);
  else show(data.title, data.graph);
});
editor.postMessage({ type: 'ready' });

function show(title: string, graph: Graph): void {
  editor.setState({ uri: graph.root });
  element('name').textContent = title;
  element('counts').textContent = counts(graph);
  if (graph.nodes.length === 0) {
    showMessage('No module is known here yet: warm the workspace first.');
    return;
  }
  if (!hasWebGl()) {
    showMessage('This window has no WebGL, with which the graph is drawn.');
    return;
  }
  element('message').hidden = true;
  drawing.show(graph);
  states.show(graph);
  search.setNodes(graph.nodes.map(({ uri }) => drawing.model!.getNodeAttributes(uri)));
}

function counts({ nodes, edges, truncated }: Graph): string {
  const bytes = nodes.reduce((sum, node) => sum + node.bytes, 0);
  const parts = [formatCount(nodes.length, 'module'), formatCount(edges.length, 'import'), formatBytes(bytes)];
  return parts.join(' · ') + (truncated ? ' · only a part is shown' : '');
}

function showMessage(text: string): void {
  const message = element('message');
  message.textContent = text;
  message.hidden = false;
}

function showPointed(node: NodeAttributes | null): void {
  const box = element('selected');
  box.hidden = node === null;
  if (node === null) return;
  const facts = [node.kind, node.state, formatBytes(node.bytes), node.inCycle ? 'in a cycle' : '', node.problem];
  const name = Object.assign(document.createElement('strong'), { textContent: node.name });
  box.replaceChildren(name, ` ${node.package}`, document.createElement('br'), facts.filter(Boolean).join(' · '));
}

function hasWebGl(): boolean {
  return document.createElement('canvas').getContext('webgl2') !== null;
}
