// Tells the server that this client shows `esmcache/status`.
import type { ClientCapabilities, FeatureState, StaticFeature } from 'vscode-languageclient/node';

export class StatusCapability implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, esmcacheStatus: true };
  }

  initialize(): void {}

  getState(): FeatureState {
    return { kind: 'static' };
  }

  clear(): void {}
}
