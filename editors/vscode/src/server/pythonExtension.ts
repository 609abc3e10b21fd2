// Asks the Python extension, where there is one, for the interpreter that the user selected.
import * as vscode from 'vscode';

/** The part of the Python extension's API that is used here. */
interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(path: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}

/** Return the selected interpreter, or null: no such extension, an old one, or nothing selected. */
export async function selectedInterpreter(): Promise<string | null> {
  const extension = vscode.extensions.getExtension<PythonApi>('ms-python.python');
  if (extension === undefined) return null;
  try {
    const { environments } = await extension.activate();
    const path = environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
    const environment = await environments.resolveEnvironment(path);
    return environment?.executable.uri?.fsPath ?? null;
  } catch {
    return null;
  }
}
