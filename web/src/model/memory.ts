// What this tab remembers over a reload: history, open nodes. Nothing in it is secret, and all of it may be missing.

const PREFIX = "ikpdb-tab-";

export const memory = {
  get<T>(key: string, otherwise: T): T {
    try {
      const text = globalThis.sessionStorage?.getItem(PREFIX + key);
      return text === null || text === undefined ? otherwise : (JSON.parse(text) as T);
    } catch {
      return otherwise;
    }
  },

  set(key: string, value: unknown): void {
    try {
      globalThis.sessionStorage?.setItem(PREFIX + key, JSON.stringify(value));
    } catch {
      // Full or forbidden: it is only a convenience.
    }
  },
};
