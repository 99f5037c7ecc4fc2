// A hub for tests: answers the handshake as the real one does, and lets the test speak for it.

import type { ConnectionParts, SocketLike } from "./connection";
import type { CredentialPlaces } from "./credentials";
import { hex, prove, seal } from "./proof";
import type { DapRequest, Envelope } from "./wire";

export const SECRET = new Uint8Array(32).fill(7);
export const TICKET = new Uint8Array(32).fill(9);

type Answer = (args: Record<string, unknown>, session: number | null) => unknown;

/** Thrown by an answer: the request is refused with this text. */
export class Refusal extends Error {}

export class FakeHub {
  readonly answers = new Map<string, Answer>();
  readonly asked: { session: number | null; command: string; args: Record<string, unknown>; seq: number }[] = [];
  /** What came in, as it was on the wire. */
  readonly frames: Envelope[] = [];
  sockets: FakeSocket[] = [];
  up = true;
  epoch = "one";
  n = 0;
  snapshot: unknown = { n: 0 };
  private clientNonce = "";

  constructor() {
    this.answers.set("ikpdb/greet", (args) => {
      this.clientNonce = String(args.nonce);
      const key = args.ticket === undefined ? SECRET : TICKET;
      return {
        protocol: 1,
        build: "test",
        nonce: "hub-nonce",
        proof: prove(key, "hub", this.clientNonce, "hub-nonce"),
      };
    });
    this.answers.set("ikpdb/hello", (args) => {
      const byTicket = args.proof === prove(TICKET, "client", this.clientNonce, "hub-nonce");
      if (!byTicket && args.proof !== prove(SECRET, "client", this.clientNonce, "hub-nonce")) {
        throw new Refusal("wrong secret");
      }
      const sealedSecret = byTicket ? hex(seal(TICKET, this.clientNonce, "hub-nonce", SECRET)) : undefined;
      const resumed = args.epoch === this.epoch;
      return { epoch: this.epoch, sealedSecret, ...(resumed ? {} : { snapshot: this.snapshot }) };
    });
  }

  event(session: number | null, event: string, body: unknown, n = ++this.n): void {
    this.socket.deliver({
      ...(session === null ? {} : { session }),
      n,
      message: { type: "event", seq: 0, event, body },
    });
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("nobody connected");
    return last;
  }

  commands(): string[] {
    return this.asked.map((one) => one.command);
  }

  receive(socket: FakeSocket, envelope: Envelope): void {
    this.frames.push(envelope);
    const message = envelope.message as DapRequest;
    const session = envelope.session ?? null;
    const args = (message.arguments ?? {}) as Record<string, unknown>;
    this.asked.push({ session, command: message.command, args, seq: message.seq });
    const answer = this.answers.get(message.command);
    const base = { type: "response" as const, seq: 0, request_seq: message.seq, command: message.command };
    if (answer === undefined) return;
    try {
      socket.deliver({ message: { ...base, success: true, body: answer(args, session) } });
    } catch (error) {
      socket.deliver({ message: { ...base, success: false, message: (error as Error).message } });
    }
  }
}

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(private readonly hub: FakeHub) {
    queueMicrotask(() => (hub.up ? this.onopen?.() : this.onclose?.()));
  }

  send(text: string): void {
    const envelope = JSON.parse(text) as Envelope;
    queueMicrotask(() => this.hub.receive(this, envelope));
  }

  close(): void {
    queueMicrotask(() => this.onclose?.());
  }

  deliver(envelope: Envelope): void {
    this.onmessage?.({ data: JSON.stringify(envelope) });
  }
}

/** Timers that run when the test says so. */
export class FakeTimers {
  private timers = new Map<number, { at: number; run: () => void }>();
  private id = 0;
  time = 1000;

  set(run: () => void, ms: number): number {
    this.id += 1;
    this.timers.set(this.id, { at: this.time + ms, run });
    return this.id;
  }

  clear(timer: unknown): void {
    this.timers.delete(timer as number);
  }

  advance(ms: number): void {
    this.time += ms;
    for (const [id, timer] of [...this.timers]) {
      if (timer.at > this.time) continue;
      this.timers.delete(id);
      timer.run();
    }
  }
}

export function fakePlaces(
  fragment: string,
  stored: string | null = null,
): CredentialPlaces & { stored: string | null; clean: boolean } {
  const places = {
    stored,
    clean: false,
    fragment: () => fragment,
    cleanAddress: () => {
      places.clean = true;
    },
    load: () => places.stored,
    store: (secret: string | null) => {
      places.stored = secret;
    },
  };
  return places;
}

export function fakeParts(hub: FakeHub, timers: FakeTimers, places: CredentialPlaces): ConnectionParts {
  return {
    open: () => {
      const socket = new FakeSocket(hub);
      hub.sockets.push(socket);
      return socket;
    },
    now: () => timers.time,
    setTimer: (run, ms) => timers.set(run, ms),
    clearTimer: (timer) => timers.clear(timer),
    places,
  };
}

/** Lets everything that is under way in microtasks happen. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
