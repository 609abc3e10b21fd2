// The graph as the drawing library holds it, made from the server's answer; keeps places when only states changed.
import { DirectedGraph } from 'graphology';

import type { Graph, GraphNode } from '../../client/protocol';

export interface NodeAttributes extends GraphNode {
  x: number;
  y: number;
  size: number;
  isRoot: boolean;
}

export interface EdgeAttributes {
  dynamic: boolean;
}

export type Model = DirectedGraph<NodeAttributes, EdgeAttributes>;

/** Radii in pixels, at the first zoom, of what is small and large in a graph of a few modules, and of many. */
const FEW = { modules: 20, smallest: 5, largest: 18 };
const MANY = { modules: 1000, smallest: 1.6, largest: 11 };
/** The source text for which a module gets the largest circle. */
const LARGE_BYTES = 300_000;

/** Return the graph to draw; nodes that `before` has, too, stay where they were. */
export function modelOf(graph: Graph, before: Model | null): Model {
  const model: Model = new DirectedGraph();
  const corners = packageCorners(graph.nodes);
  const { smallest, largest } = radii(graph.nodes.length);
  graph.nodes.forEach((node, index) => {
    const place = before?.hasNode(node.uri) === true ? before.getNodeAttributes(node.uri) : null;
    const { x, y } = place ?? startingPlace(corners.get(node.package) ?? 0, index);
    // The area shows the bytes, within limits that keep small modules visible and large ones apart.
    const size = smallest + (largest - smallest) * Math.min(1, Math.sqrt(node.bytes / LARGE_BYTES));
    const isRoot = node.uri === graph.root;
    model.mergeNode(node.uri, { ...node, x, y, size: isRoot ? Math.max(size, largest / 2) : size, isRoot });
  });
  for (const { from, to, dynamic } of graph.edges) {
    const [source, target] = [graph.nodes[from], graph.nodes[to]];
    if (source && target && source !== target) model.mergeEdge(source.uri, target.uri, { dynamic });
  }
  return model;
}

/** Return whether both have the same modules, so that the layout need not run again. */
export function hasSameNodes(one: Model, other: Model | null): boolean {
  return other !== null && one.order === other.order && one.everyNode((node) => other.hasNode(node));
}

/** Return the radii for a graph of so many modules, between those of few and of many. */
function radii(modules: number): { smallest: number; largest: number } {
  const position = Math.log(modules / FEW.modules) / Math.log(MANY.modules / FEW.modules);
  const share = Math.min(1, Math.max(0, position));
  const between = (few: number, many: number): number => few + (many - few) * share;
  return { smallest: between(FEW.smallest, MANY.smallest), largest: between(FEW.largest, MANY.largest) };
}

/** Return a direction for each package, so that its modules begin close to one another. */
function packageCorners(nodes: GraphNode[]): Map<string, number> {
  const names = [...new Set(nodes.map((node) => node.package))];
  return new Map(names.map((name, index) => [name, (2 * Math.PI * index) / names.length]));
}

/** Return a place on a spiral around the package's corner: the same at every drawing. */
function startingPlace(direction: number, index: number): { x: number; y: number } {
  const angle = index * 2.399963;
  const radius = 3 * Math.sqrt(index + 1);
  return {
    x: 100 * Math.cos(direction) + radius * Math.cos(angle),
    y: 100 * Math.sin(direction) + radius * Math.sin(angle),
  };
}
