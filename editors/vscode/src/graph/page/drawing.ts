// Draws the graph with WebGL: colour by state, size by bytes, a red ring around what is in a cycle.
import { createNodeBorderProgram } from '@sigma/node-border';
import Sigma from 'sigma';
import type { EdgeDisplayData, NodeDisplayData } from 'sigma/types';

import type { Graph, ModuleState } from '../../client/protocol';
import { hoverDrawing } from './labels';
import { Layout } from './layout';
import { hasSameNodes, modelOf, type EdgeAttributes, type Model, type NodeAttributes } from './model';
import { readTheme, type Theme } from './theme';

type Drawn<Data> = Partial<Data> & { borderColor?: string };

export interface DrawingEvents {
  open: (uri: string) => void;
  point: (node: NodeAttributes | null) => void;
  layout: (isRunning: boolean) => void;
}

export class Drawing {
  private theme: Theme = readTheme();
  private sigma: Sigma<NodeAttributes, EdgeAttributes> | undefined;
  private layout: Layout | undefined;
  private pointed: string | null = null;
  private found: ReadonlySet<string> | null = null;
  private hiddenStates: ReadonlySet<ModuleState> = new Set();
  model: Model | null = null;

  constructor(
    private readonly container: HTMLElement,
    private readonly events: DrawingEvents,
  ) {}

  /** Draw the graph; the layout runs only if there are other modules than before. */
  show(graph: Graph): void {
    const model = modelOf(graph, this.model);
    const settles = !hasSameNodes(model, this.model);
    const isFirst = this.model === null;
    this.model = model;
    this.layout?.kill();
    if (this.sigma === undefined) this.sigma = this.create(model);
    else this.sigma.setGraph(model);
    this.layout = new Layout(model, this.events.layout);
    if (settles && model.order > 1) this.layout.start();
    else this.events.layout(false);
    if (isFirst) this.fit();
  }

  toggleLayout(): void {
    if (this.layout?.isRunning === true) this.layout.stop();
    else this.layout?.start();
  }

  fit(): void {
    void this.sigma?.getCamera().animatedReset();
  }

  /** Take the colours of the theme anew. */
  recolour(): void {
    this.theme = readTheme();
    this.sigma?.setSetting('labelColor', { color: this.theme.text });
    this.sigma?.refresh({ skipIndexation: true });
  }

  /** Leave only these bright, or all if null. */
  setFound(found: ReadonlySet<string> | null): void {
    this.found = found;
    this.sigma?.refresh({ skipIndexation: true });
  }

  setHiddenStates(states: ReadonlySet<ModuleState>): void {
    this.hiddenStates = states;
    this.sigma?.refresh({ skipIndexation: true });
  }

  /** Move the camera to a module and point at it. */
  focus(uri: string): void {
    const place = this.sigma?.getNodeDisplayData(uri);
    if (place === undefined) return;
    this.point(uri);
    void this.sigma?.getCamera().animate({ x: place.x, y: place.y, ratio: 0.25 });
  }

  private create(model: Model): Sigma<NodeAttributes, EdgeAttributes> {
    const sigma = new Sigma<NodeAttributes, EdgeAttributes>(model, this.container, {
      defaultNodeType: 'bordered',
      nodeProgramClasses: {
        bordered: createNodeBorderProgram<NodeAttributes, EdgeAttributes>({
          borders: [
            { size: { value: 0.3 }, color: { attribute: 'borderColor' } },
            { size: { fill: true }, color: { attribute: 'color' } },
          ],
        }),
      },
      defaultEdgeType: 'arrow',
      labelFont: getComputedStyle(document.body).fontFamily,
      labelSize: 12,
      labelWeight: 'normal',
      labelColor: { color: this.theme.text },
      labelDensity: 0.35,
      labelGridCellSize: 140,
      labelRenderedSizeThreshold: 5,
      hideEdgesOnMove: model.size > 6000,
      minCameraRatio: 0.01,
      maxCameraRatio: 4,
      minEdgeThickness: 0.8,
      zIndex: true,
      nodeReducer: (uri, node) => this.drawnNode(uri, node),
      edgeReducer: (edge, attributes) => this.drawnEdge(edge, attributes),
      defaultDrawNodeHover: hoverDrawing(() => this.theme),
    });
    sigma.on('clickNode', ({ node }) => this.events.open(node));
    sigma.on('enterNode', ({ node }) => this.point(node));
    sigma.on('leaveNode', () => this.point(null));
    return sigma;
  }

  private point(uri: string | null): void {
    this.pointed = uri;
    this.container.classList.toggle('pointing', uri !== null);
    this.events.point(uri === null || this.model === null ? null : this.model.getNodeAttributes(uri));
    this.sigma?.refresh({ skipIndexation: true });
  }

  private drawnNode(uri: string, node: NodeAttributes): Drawn<NodeDisplayData> {
    const { states, cycle, text, dimmed } = this.theme;
    if (this.hiddenStates.has(node.state)) return { hidden: true };
    if (!this.isBright(uri))
      return { x: node.x, y: node.y, size: node.size, color: dimmed, borderColor: dimmed, zIndex: 0 };
    const color = states[node.state];
    return {
      x: node.x,
      y: node.y,
      size: node.size,
      label: node.name,
      color,
      borderColor: node.inCycle ? cycle : node.isRoot ? text : color,
      forceLabel: node.isRoot || uri === this.pointed || (this.found !== null && this.found.size <= 20),
      highlighted: uri === this.pointed,
      zIndex: node.inCycle || node.isRoot ? 2 : 1,
    };
  }

  private drawnEdge(edge: string, { dynamic }: EdgeAttributes): Drawn<EdgeDisplayData> {
    const { edge: usual, dynamicEdge, strongEdge, cycle } = this.theme;
    const [source, target] = this.model?.hasEdge(edge) ? this.model.extremities(edge) : ['', ''];
    if (this.pointed !== null) {
      if (source !== this.pointed && target !== this.pointed) return { hidden: true };
      return { color: dynamic ? dynamicEdge : strongEdge, size: 1.5, zIndex: 2 };
    }
    if (this.found !== null && !(this.found.has(source) && this.found.has(target))) return { hidden: true };
    const isInCycle = this.inCycle(source) && this.inCycle(target);
    return {
      color: isInCycle ? cycle : dynamic ? dynamicEdge : usual,
      size: isInCycle ? 1.4 : 0.9,
      zIndex: isInCycle ? 1 : 0,
    };
  }

  private isBright(uri: string): boolean {
    if (this.pointed !== null) return uri === this.pointed || this.model?.areNeighbors(uri, this.pointed) === true;
    return this.found === null || this.found.has(uri);
  }

  private inCycle(uri: string): boolean {
    return this.model?.hasNode(uri) === true && this.model.getNodeAttribute(uri, 'inCycle');
  }
}
