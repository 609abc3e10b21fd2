// Commands that show something: statistics, an explanation, the module graph.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import { serverCommands, type Explanation } from '../client/protocol';
import type { GraphPanel } from '../graph/panel';
import type { Reports } from '../reports/reports';
import { statisticsReport } from '../reports/statistics';
import { escaped, printable } from '../text';
import { fileOrActive, type Command } from './register';

/** Return the commands by their names. */
export function inspectCommands(connection: Connection, reports: Reports, graph: GraphPanel): Record<string, Command> {
  const explain = async (uri: vscode.Uri): Promise<void> => {
    const { text } = await connection.execute<Explanation>(serverCommands.explain, uri.toString());
    const path = vscode.workspace.asRelativePath(uri);
    await reports.show(`esmcache ${printable(path).replaceAll('/', ' › ')}`, `# ${escaped(path)}\n\n${text}`);
  };
  return {
    'esmcache.action.showStatistics': async () => {
      await reports.show('esmcache statistics', statisticsReport(await connection.statistics()));
    },
    'esmcache.action.explainFile': (uri?: vscode.Uri) => explain(fileOrActive(uri)),
    'esmcache.modules.explain': ({ uri }: { uri: vscode.Uri }) => explain(uri),
    'esmcache.action.showGraph': (uri?: vscode.Uri) => graph.show(fileOrActive(uri)),
    'esmcache.modules.showGraph': ({ uri }: { uri: vscode.Uri }) => graph.show(uri),
    'esmcache.action.showWorkspaceGraph': () => graph.show(undefined),
  };
}
