// Typed events: listeners are called in the order in which they came. Some events are questions.

type AnyListener = (payload: never) => unknown;

/** Hears one event; where it is a question, it answers. */
export type Listener<Events, Answers, K extends keyof Events> = (
  payload: Events[K],
) => K extends keyof Answers ? Answers[K] : void;

export class Emitter<Events, Answers = unknown> {
  private listeners = new Map<keyof Events, Set<AnyListener>>();

  /** Listens; the answer stops it. */
  on<K extends keyof Events>(event: K, listener: Listener<Events, Answers, K>): () => void {
    const set = this.listeners.get(event) ?? new Set<AnyListener>();
    this.listeners.set(event, set);
    set.add(listener as AnyListener);
    return () => set.delete(listener as AnyListener);
  }

  protected emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    this.tell(event, payload);
  }
  /** Tells an event that is a question, and gives what each listener answered. */
  protected question<K extends keyof Events & keyof Answers>(event: K, payload: Events[K]): Answers[K][] {
    return this.tell(event, payload) as Answers[K][];
  }

  private tell<K extends keyof Events>(event: K, payload: Events[K]): unknown[] {
    const listeners = [...(this.listeners.get(event) ?? [])];
    return listeners.map((listener) => (listener as (payload: Events[K]) => unknown)(payload));
  }
}
