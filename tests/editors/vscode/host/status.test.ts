import * as assert from 'node:assert/strict';

import type { Connection } from '../../../../editors/vscode/src/client/connection';
import { eventually, inWorkspace, openFile, rewrite, settled } from './support';

describe('What the server tells', () => {
  let connection: Connection;

  before(async () => {
    connection = await settled();
  });

  it('counts the workspace’s modules', async () => {
    await eventually('all are fresh', () => connection.status?.fresh === 4);
    assert.equal(connection.status?.health, 'ok');
    assert.match(connection.status?.engine ?? '', /^node-v24/);
  });

  it('says that it works while a changed module is warmed', async () => {
    const editor = await openFile('src/greeting.js');
    let worked = false;
    const listener = connection.onDidChange(() => {
      worked ||= connection.status?.quiescent === false;
    });
    await rewrite(editor, `${editor.document.getText()}// changed\n`);
    await eventually('it worked and is at rest', () => worked && connection.status?.quiescent === true);
    listener.dispose();
    await eventually('all are fresh', () => connection.status?.fresh === 4);
  });

  it('lists packages and their modules', async () => {
    await eventually('all are fresh', () => connection.status?.fresh === 4);
    const { packages } = await connection.modules();
    const own = packages.find(({ isWorkspace }) => isWorkspace);
    assert.equal(own?.name, 'greeter');
    assert.deepEqual(own?.modules.map(({ name }) => name).sort(), [
      'src/even.js',
      'src/greeting.js',
      'src/main.js',
      'src/odd.js',
    ]);
  });

  it('draws the graph, cycles marked', async () => {
    const graph = await connection.graph(inWorkspace('src/main.js'));
    const inCycles = graph.nodes.filter(({ inCycle }) => inCycle).map(({ uri }) => uri.split('/').at(-1));
    assert.deepEqual(inCycles.sort(), ['even.js', 'odd.js']);
    assert.equal(graph.edges.length, 4);
  });

  it('counts bytes', async () => {
    const { totalBytes, modules } = await connection.statistics();
    assert.ok(totalBytes > 0);
    assert.ok(modules >= 4);
  });
});
