// Holds the state: one place that changes it, anybody may listen.

import type { Message } from "./message";
import { reduce } from "./reduce";
import { INITIAL, type State } from "./state";

export class Store {
  private state: State = INITIAL;
  private listeners = new Set<(state: State) => void>();

  get(): State {
    return this.state;
  }

  dispatch(message: Message): void {
    const next = reduce(this.state, message);
    if (next === this.state) return;
    this.state = next;
    for (const listener of [...this.listeners]) listener(next);
  }

  /** Listens to every change; the answer stops it. */
  subscribe(listener: (state: State) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
