// The editor's theme as colours that a canvas understands; read anew whenever the theme changes.
import type { ModuleState } from '../../client/protocol';

export interface Theme {
  text: string;
  background: string;
  popup: string;
  popupText: string;
  popupBorder: string;
  edge: string;
  dynamicEdge: string;
  dimmed: string;
  strongEdge: string;
  cycle: string;
  states: Record<ModuleState, string>;
}

/** Return the colours of the theme that the page is shown in now. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string, otherwise: string): string =>
    style.getPropertyValue(`--vscode-${name}`).trim() || otherwise;
  const background = colour('editor-background', '#1e1e1e');
  const text = colour('editor-foreground', '#cccccc');
  const mixed = (share: number): string => mix(text, background, share);
  return {
    text,
    background,
    popup: colour('editorHoverWidget-background', background),
    popupText: colour('editorHoverWidget-foreground', text),
    popupBorder: colour('editorHoverWidget-border', text),
    edge: mixed(0.22),
    dynamicEdge: mix(colour('charts-purple', '#b180d7'), background, 0.55),
    dimmed: mixed(0.14),
    strongEdge: mixed(0.7),
    cycle: colour('charts-red', '#f14c4c'),
    states: {
      fresh: colour('charts-green', '#89d185'),
      stale: colour('charts-yellow', '#cca700'),
      cold: colour('charts-blue', '#3794ff'),
      native: mixed(0.45),
    },
  };
}

/** Call `changed` whenever the editor changes its theme. */
export function onThemeChange(changed: () => void): void {
  const options = { attributes: true, attributeFilter: ['class', 'style'] };
  new MutationObserver(changed).observe(document.body, options);
  new MutationObserver(changed).observe(document.documentElement, options);
}

/** Return `share` of one colour over another; canvases of stacked edges need opaque colours. */
function mix(over: string, under: string, share: number): string {
  const above = components(over);
  const below = components(under);
  const channel = (at: number): number => Math.round(above[at]! * share + below[at]! * (1 - share));
  return `rgb(${channel(0)}, ${channel(1)}, ${channel(2)})`;
}

/** Return red, green and blue of any colour that CSS knows. */
function components(colour: string): Uint8ClampedArray {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}
