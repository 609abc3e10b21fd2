export enum Level {
  Info,
  Error,
}

export const levelOf = (text: string): Level => (text.startsWith('error') ? Level.Error : Level.Info);
