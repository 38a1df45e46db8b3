// The player's JavaScript as one module, which `player.widget.javascript` puts together. Only the type checker reads this.

export interface PlayerModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(name: string, handler: (...values: unknown[]) => void): void;
  off(name: string, handler: (...values: unknown[]) => void): void;
  save_changes(): unknown;
  send(content: unknown): void;
}

declare const player: {
  render(place: { model: PlayerModel; el: HTMLElement }): () => void;
};

export default player;
