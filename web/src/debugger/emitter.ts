// Typed events: listeners are called in the order in which they came.

type Listener = (payload: never) => void;

export class Emitter<Events> {
  private listeners = new Map<keyof Events, Set<Listener>>();

  /** Listens; the answer stops it. */
  on<K extends keyof Events>(event: K, listener: (payload: Events[K]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set<Listener>();
    this.listeners.set(event, set);
    set.add(listener as Listener);
    return () => set.delete(listener as Listener);
  }

  protected emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) (listener as (payload: Events[K]) => void)(payload);
  }
}
