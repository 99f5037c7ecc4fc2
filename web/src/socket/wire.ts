// The shapes that travel on the WebSocket: DAP messages in the hub's envelope, and why a request failed.

export interface DapRequest {
  type: "request";
  seq: number;
  command: string;
  arguments?: unknown;
}

export interface DapResponse {
  type: "response";
  seq: number;
  request_seq: number;
  success: boolean;
  command: string;
  message?: string;
  body?: unknown;
}

export interface DapEvent {
  type: "event";
  seq: number;
  event: string;
  body?: unknown;
}

export type DapMessage = DapRequest | DapResponse | DapEvent;

/** A message on the WebSocket; `n` numbers the events of the hub's journal. */
export interface Envelope {
  session?: number | null;
  n?: number | null;
  message: DapMessage;
}

/** Why a request has no answer: the other side said no, it did not answer in time, or the connection broke. */
export type FailureKind = "refused" | "timeout" | "gone" | "cancelled";

/** A request that failed, with one line for the user. */
export class RequestError extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly command: string,
    message: string,
  ) {
    super(message);
    this.name = "RequestError";
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads one frame of the WebSocket; `null` if it is not an envelope of ours. */
export function parseEnvelope(text: string): Envelope | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value) || !isRecord(value.message)) return null;
  const message = value.message;
  const ok =
    (message.type === "response" && typeof message.request_seq === "number" && typeof message.success === "boolean") ||
    (message.type === "event" && typeof message.event === "string") ||
    (message.type === "request" && typeof message.command === "string");
  return ok ? (value as unknown as Envelope) : null;
}
