// What programs wrote to their terminals, as it came: kept for a terminal that is opened later. Bounded; what is cut is
// counted and said.

import type { OutputEvent } from "../socket/generated/OutputEvent";
import { size } from "./reduceConsole";

/** Bytes kept of one session. */
export const KEPT_BYTES = 4 << 20;

/** Gets the raw output that belongs into the terminal, snapshots included. */
export type TerminalListener = (session: number, text: string, fresh: boolean) => void;

const encoder = new TextEncoder();

class Terminal {
  private pieces: { text: string; bytes: number }[] = [];
  private bytes = 0;
  private dropped = 0;

  add(text: string): void {
    const { length } = encoder.encode(text);
    this.pieces.push({ text, bytes: length });
    this.bytes += length;
    if (this.bytes > KEPT_BYTES) this.cut();
  }

  /** Counts what never came here. */
  miss(bytes: number): void {
    this.dropped += bytes;
  }

  /** Everything, after a line that says what is missing before it. */
  text(): string {
    const text = this.pieces.map((piece) => piece.text).join("");
    return this.dropped === 0 ? text : `\x1b[2m${size(this.dropped)} earlier are not shown\x1b[0m\r\n${text}`;
  }

  /** Lets the oldest go, and with it what is left of its last line: it may be half of a colour or a character. */
  private cut(): void {
    let gone = 0;
    let count = 0;
    for (const { bytes } of this.pieces) {
      // At least the newest stays; to cut a little more now is to cut less often.
      if (this.bytes - gone <= KEPT_BYTES * 0.9 || count === this.pieces.length - 1) break;
      gone += bytes;
      count += 1;
    }
    this.pieces.splice(0, count);
    const [first] = this.pieces;
    const over = this.bytes - gone - KEPT_BYTES;
    if (first !== undefined) {
      // One piece that is too large by itself keeps its end.
      const from = over > 0 ? Math.max(first.text.length - KEPT_BYTES, 0) : 0;
      const line = first.text.indexOf("\n", from);
      const text = first.text.slice(line < 0 ? from : line + 1);
      const bytes = encoder.encode(text).length;
      gone += first.bytes - bytes;
      this.pieces[0] = { text, bytes };
    }
    this.bytes -= gone;
    this.dropped += gone;
  }
}

export class Terminals {
  private bySession = new Map<number, Terminal>();
  private listener: TerminalListener | null = null;

  /** Hears the terminal of every session, beginning with what came before; null ends it. */
  listen(listener: TerminalListener | null): void {
    this.listener = listener;
    for (const [session, terminal] of this.bySession) listener?.(session, terminal.text(), true);
  }

  add(session: number, text: string): void {
    this.of(session).add(text);
    this.listener?.(session, text, false);
  }

  remove(session: number): void {
    this.bySession.delete(session);
  }

  /** All sessions anew, as a snapshot has them. */
  replace(output: Iterable<[number, OutputEvent[]]>): void {
    this.bySession.clear();
    for (const [session, events] of output) {
      const terminal = this.of(session);
      terminal.miss(events[0]?.ikpdbDropped ?? 0);
      for (const event of events) if (event.ikpdbTerminal === true) terminal.add(event.output);
      this.listener?.(session, terminal.text(), true);
    }
  }

  /** What a session wrote, to be put before that of its successor. */
  textOf(session: number): string {
    return this.bySession.get(session)?.text() ?? "";
  }

  /** The session is the one that wrote this before, under another hub. */
  putBefore(session: number, text: string): void {
    if (text === "") return;
    const after = this.textOf(session);
    this.bySession.delete(session);
    const terminal = this.of(session);
    terminal.add(text);
    terminal.add(after);
    this.listener?.(session, terminal.text(), true);
  }

  private of(session: number): Terminal {
    const known = this.bySession.get(session) ?? new Terminal();
    this.bySession.set(session, known);
    return known;
  }
}
