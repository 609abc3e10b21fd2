// Draws names beside nodes, and the highlighted one of the node under the pointer, in the theme's colours.
import type { Settings } from 'sigma/settings';

import type { EdgeAttributes, NodeAttributes } from './model';
import type { Theme } from './theme';

type Hover = Settings<NodeAttributes, EdgeAttributes>['defaultDrawNodeHover'];

const PADDING = 4;

/** Return what draws the node under the pointer: a box of the editor's popups, with the name in it. */
export function hoverDrawing(theme: () => Theme): Hover {
  return (context, node, settings) => {
    if (typeof node.label !== 'string') return;
    const { popup, popupText, popupBorder } = theme();
    context.font = `${settings.labelWeight} ${settings.labelSize}px ${settings.labelFont}`;
    const width = context.measureText(node.label).width + 2 * PADDING;
    const height = settings.labelSize + 2 * PADDING;
    const x = node.x + node.size + PADDING;
    const y = node.y - height / 2;
    context.beginPath();
    context.roundRect(x, y, width, height, 3);
    context.fillStyle = popup;
    context.fill();
    context.strokeStyle = popupBorder;
    context.lineWidth = 1;
    context.stroke();
    context.fillStyle = popupText;
    context.fillText(node.label, x + PADDING, node.y + settings.labelSize / 3);
    context.beginPath();
    context.arc(node.x, node.y, node.size + 2, 0, 2 * Math.PI);
    context.strokeStyle = popupText;
    context.lineWidth = 1.5;
    context.stroke();
  };
}
