// The one WebSocket to the hub: handshake with proofs, requests with deadlines, events in the journal's order, and
// coming back after a break where it left off. It runs on the page's event loop; `close` ends it.

import { Backoff } from "./backoff";
import type { CredentialPlaces, Credentials } from "./credentials";
import type { Challenge } from "./generated/Challenge";
import type { Hello } from "./generated/Hello";
import type { ProgressStartEvent } from "./generated/ProgressStartEvent";
import type { ProgressUpdateEvent } from "./generated/ProgressUpdateEvent";
import type { Snapshot } from "./generated/Snapshot";
import type { Welcome } from "./generated/Welcome";
import { check, hex, nonce, prove, seal, unhex } from "./proof";
import { type DapEvent, parseEnvelope, RequestError } from "./wire";

/** The version of the protocol that this page speaks. */
export const PROTOCOL = 1;

const DEADLINE_MS = 15_000;

/** How it goes with the hub. */
export type LinkStatus =
  | { kind: "connecting" }
  | { kind: "open"; build: string }
  | { kind: "lost"; attempt: number; retryAt: number | null }
  | { kind: "refused"; message: string };

/** What a `WebSocket` must be able to do for us. */
export interface SocketLike {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface ConnectionParts {
  open(): SocketLike;
  now(): number;
  setTimer(run: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
  places: CredentialPlaces;
}

export interface ConnectionEvents {
  status(status: LinkStatus): void;
  /** The whole state, of the hub start that `epoch` names: sessions of another start are others. */
  snapshot(snapshot: Snapshot, epoch: string): void;
  event(session: number | null, event: DapEvent): void;
}

/** A request under way: its number, for `cancel`, and its answer. */
export interface Sent<T> {
  seq: number;
  answer: Promise<T>;
}

export interface RequestOptions {
  /** After so many ms without an answer the request fails; 0 waits as long as the connection lives. */
  deadlineMs?: number;
  /** What is said of the request while it is under way. */
  onProgress?(text: string): void;
}

interface Pending {
  command: string;
  timer: unknown;
  /** Under which id its backend tells how it goes. */
  progress: string | null;
  onProgress: ((text: string) => void) | undefined;
  resolve(body: unknown): void;
  reject(error: RequestError): void;
}

export class Connection {
  private socket: SocketLike | null = null;
  private status: LinkStatus = { kind: "connecting" };
  private pending = new Map<number, Pending>();
  private seq = 0;
  private epoch: string | null = null;
  private seen = 0;
  private welcomed = false;
  private askingSnapshot = false;
  private retryTimer: unknown = null;
  private closed = false;
  private readonly backoff = new Backoff();

  constructor(
    private readonly parts: ConnectionParts,
    private credentials: Credentials,
    private readonly events: ConnectionEvents,
  ) {}

  /** Connects; afterwards it keeps itself connected. */
  start(): void {
    if (this.credentials === null) {
      this.setStatus({ kind: "refused", message: "This page was opened without its key." });
      return;
    }
    this.connect();
  }

  /** Ends it for good. */
  close(): void {
    this.closed = true;
    this.parts.clearTimer(this.retryTimer);
    this.socket?.close();
    this.failAll("the page is closing");
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    if (this.status.kind !== "lost" || this.status.retryAt === null) return;
    this.parts.clearTimer(this.retryTimer);
    this.connect();
  }

  /** Asks the hub (`session` null) or a session's backend. */
  request<T>(session: number | null, command: string, args?: unknown, options: RequestOptions = {}): Sent<T> {
    if (this.status.kind !== "open") {
      return { seq: 0, answer: Promise.reject(new RequestError("gone", command, "The hub is not connected.")) };
    }
    return this.send<T>(session, command, args, options);
  }

  private send<T>(session: number | null, command: string, args: unknown, options: RequestOptions): Sent<T> {
    const seq = ++this.seq;
    const deadline = options.deadlineMs ?? DEADLINE_MS;
    const answer = new Promise<T>((resolve, reject) => {
      const timer =
        deadline === 0
          ? null
          : this.parts.setTimer(() => {
              this.pending.delete(seq);
              const seconds = Math.round(deadline / 1000);
              reject(new RequestError("timeout", command, `No answer to '${command}' within ${seconds} s.`));
            }, deadline);
      const { onProgress } = options;
      const settle = { resolve: (body: unknown) => resolve(body as T), reject };
      this.pending.set(seq, { command, timer, progress: null, onProgress, ...settle });
    });
    const message = { seq, type: "request", command, arguments: args ?? {} };
    this.socket?.send(JSON.stringify(session === null ? { message } : { session, message }));
    return { seq, answer };
  }

  private connect(): void {
    if (this.closed) return;
    if (this.status.kind === "lost") this.setStatus({ ...this.status, retryAt: null });
    this.welcomed = false;
    const socket = this.parts.open();
    this.socket = socket;
    socket.onopen = () => {
      this.greet(socket).catch((error: unknown) => this.handshakeFailed(socket, error));
    };
    socket.onmessage = (event) => {
      if (socket === this.socket && typeof event.data === "string") this.receive(event.data);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lost();
    };
  }

  private async greet(socket: SocketLike): Promise<void> {
    const credentials = this.credentials;
    if (credentials === null) return;
    const mine = nonce();
    const ticket = credentials.kind === "ticket" ? credentials.id : undefined;
    const challenge = await this.send<Challenge>(null, "ikpdb/greet", { protocol: PROTOCOL, nonce: mine, ticket }, {})
      .answer;
    if (!check(credentials.key, "hub", mine, challenge.nonce, challenge.proof)) {
      throw new RequestError("refused", "ikpdb/greet", "This is not the hub that the key of this page belongs to.");
    }
    const hello: Hello = { proof: prove(credentials.key, "client", mine, challenge.nonce) };
    if (this.epoch !== null) Object.assign(hello, { epoch: this.epoch, n: this.seen });
    const welcome = await this.send<Welcome>(null, "ikpdb/hello", hello, {}).answer;
    if (socket !== this.socket) return;
    this.keepSecret(credentials, welcome.sealedSecret, mine, challenge.nonce);
    this.backoff.reset();
    this.epoch = welcome.epoch;
    if (welcome.snapshot !== undefined) this.take(welcome.snapshot);
    this.welcomed = true;
    this.setStatus({ kind: "open", build: challenge.build });
  }

  private keepSecret(used: NonNullable<Credentials>, sealed: string | undefined, mine: string, hub: string): void {
    const bytes = unhex(sealed ?? "");
    if (used.kind !== "ticket" || bytes === null) return;
    const key = seal(used.key, mine, hub, bytes);
    this.parts.places.store(hex(key));
    this.credentials = { kind: "secret", key };
  }

  private handshakeFailed(socket: SocketLike, error: unknown): void {
    if (socket !== this.socket) return;
    if (!(error instanceof RequestError) || error.kind !== "refused") {
      socket.close();
      return;
    }
    this.socket = null;
    socket.close();
    const remembered = unhex(this.parts.places.load() ?? "");
    if (this.credentials?.kind === "ticket" && remembered !== null) {
      this.credentials = { kind: "secret", key: remembered };
      this.connect();
      return;
    }
    this.parts.places.store(null);
    this.setStatus({ kind: "refused", message: error.message });
  }

  private lost(): void {
    this.socket = null;
    this.failAll("The hub is gone.");
    if (this.closed || this.status.kind === "refused") return;
    const { attempt, waitMs } = this.backoff.next();
    this.setStatus({ kind: "lost", attempt, retryAt: this.parts.now() + waitMs });
    this.retryTimer = this.parts.setTimer(() => this.connect(), waitMs);
  }

  private failAll(why: string): void {
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const one of pending) {
      this.parts.clearTimer(one.timer);
      one.reject(new RequestError("gone", one.command, why));
    }
  }

  private receive(text: string): void {
    const envelope = parseEnvelope(text);
    if (envelope === null) return;
    const { message } = envelope;
    switch (message.type) {
      case "response": {
        const pending = this.pending.get(message.request_seq);
        if (pending === undefined) return; // it came after its deadline
        this.pending.delete(message.request_seq);
        this.parts.clearTimer(pending.timer);
        if (message.success) pending.resolve(message.body ?? {});
        else {
          const why = message.message ?? `'${pending.command}' failed.`;
          pending.reject(new RequestError(why === "cancelled" ? "cancelled" : "refused", pending.command, why));
        }
        return;
      }
      case "event":
        if (typeof envelope.n === "number" && !this.follows(envelope.n)) return;
        this.progress(envelope.session ?? null, message);
        this.events.event(envelope.session ?? null, message);
        return;
      case "request":
        return; // the hub asks browsers for nothing
    }
  }

  /** Brings what a backend says of a request to who asked; by its number the request is named to the asker alone, once. */
  private progress(session: number | null, event: DapEvent): void {
    if (event.event === "progressStart") {
      const { progressId, requestId } = event.body as ProgressStartEvent;
      const pending = requestId === undefined ? undefined : this.pending.get(requestId);
      if (pending !== undefined) pending.progress = `${session} ${progressId}`;
    } else if (event.event === "progressUpdate") {
      const { progressId, message } = event.body as ProgressUpdateEvent;
      if (message === undefined) return;
      for (const one of this.pending.values()) {
        if (one.progress === `${session} ${progressId}`) one.onProgress?.(message);
      }
    }
  }

  /** Whether the event with this number is news; a hole in the numbers asks for the whole state again. */
  private follows(n: number): boolean {
    if (n <= this.seen) return false;
    if (n > this.seen + 1 && this.welcomed) this.resynchronise();
    this.seen = n;
    return true;
  }

  private resynchronise(): void {
    if (this.askingSnapshot) return;
    this.askingSnapshot = true;
    this.send<Snapshot>(null, "ikpdb/snapshot", {}, {}).answer.then(
      (snapshot) => {
        this.askingSnapshot = false;
        this.take(snapshot);
      },
      () => {
        this.askingSnapshot = false;
      },
    );
  }

  private take(snapshot: Snapshot): void {
    this.seen = snapshot.n;
    this.events.snapshot(snapshot, this.epoch ?? "");
  }

  private setStatus(status: LinkStatus): void {
    this.status = status;
    this.events.status(status);
  }
}
