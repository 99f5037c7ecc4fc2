// The line between a page and its hub, in the hands of a test: it can be cut, and answers can be held back.

import type { Page, WebSocketRoute } from "playwright-core";

interface Said {
  type: string;
  seq: number;
  request_seq?: number;
  command?: string;
}

function read(data: string | Buffer): Said {
  return (JSON.parse(data.toString()) as { message: Said }).message;
}

export function wire() {
  const sockets: WebSocketRoute[] = [];
  const waiting: (() => void)[] = [];
  const control = {
    /** While it is down the page does not get through. */
    down: false,
    /** Commands whose answers do not arrive. */
    held: new Set<string>(),
    /** Changes what the hub says. */
    rewrite: (text: string): string => text,
    /** What the page asked, in order. */
    asked: [] as string[],
    prepare: (page: Page) =>
      page.routeWebSocket(/\/ws$/, (socket) => {
        if (control.down) {
          void socket.close();
          return;
        }
        const server = socket.connectToServer();
        const commands = new Map<number, string>();
        socket.onMessage((data) => {
          const { type, seq, command = "" } = read(data);
          if (type === "request") {
            commands.set(seq, command);
            control.asked.push(command);
          }
          server.send(data);
        });
        server.onMessage((data) => {
          const { type, request_seq: to = 0 } = read(data);
          const isHeld = type === "response" && control.held.has(commands.get(to) ?? "");
          const send = () => socket.send(control.rewrite(data.toString()));
          if (isHeld) waiting.push(send);
          else send();
        });
        sockets.push(socket);
      }),
    cut() {
      control.down = true;
      waiting.length = 0;
      for (const socket of sockets.splice(0)) void socket.close();
    },
    /** What was held back arrives now. */
    release() {
      control.held.clear();
      for (const send of waiting.splice(0)) send();
    },
  };
  return control;
}
