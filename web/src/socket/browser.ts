// The real parts of a browser that a connection runs on.

import type { ConnectionParts, SocketLike } from "./connection";
import { browserPlaces } from "./credentials";

export function browserParts(): ConnectionParts {
  return {
    open: () => {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(`${scheme}//${location.host}/ws`) as unknown as SocketLike;
    },
    now: () => Date.now(),
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => {
      if (timer !== null) clearTimeout(timer as number);
    },
    places: browserPlaces(),
  };
}
