// Puts the parts of the model together and brings the hub's events to them.

import { Connection, type ConnectionParts } from "../socket/connection";
import { takeCredentials } from "../socket/credentials";
import type { BreakpointList } from "../socket/generated/BreakpointList";
import type { ContinuedEvent } from "../socket/generated/ContinuedEvent";
import type { ExceptionFilters } from "../socket/generated/ExceptionFilters";
import type { OutputEvent } from "../socket/generated/OutputEvent";
import type { Pages } from "../socket/generated/Pages";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Setting } from "../socket/generated/Setting";
import type { Snapshot } from "../socket/generated/Snapshot";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Watches } from "../socket/generated/Watches";
import { Hub } from "../socket/hub";
import type { DapEvent } from "../socket/wire";
import { Breakpoints } from "./breakpoints";
import { CodeOptions } from "./codeOptions";
import { Console } from "./console";
import type { Clock, Context } from "./context";
import { Files } from "./files";
import type { Message } from "./message";
import { RunControl } from "./runControl";
import { currentSession } from "./selectors";
import { Sessions } from "./sessions";
import type { Choices } from "./state";
import { Store } from "./store";
import { type TerminalListener, Terminals } from "./terminals";
import { Values } from "./values";

/** Output is brought to the state in bundles of so long. */
const OUTPUT_MS = 16;
/** When a bundle was larger than so many characters, the program is flooding: the next one may wait. */
const FLOOD = 20_000;
const FLOOD_MS = 150;

export class Model {
  readonly store = new Store();
  readonly files: Files;
  readonly values: Values;
  readonly breakpoints: Breakpoints;
  readonly run: RunControl;
  readonly options: CodeOptions;
  readonly sessions: Sessions;
  readonly console: Console;
  private readonly connection: Connection;
  private readonly context: Context;
  private waitingOutput = new Map<number, OutputEvent[]>();
  private flushing = false;
  private waitingCharacters = 0;
  private lastBundle = 0;
  private readonly terminals = new Terminals();
  /** What the program that is awaited from another hub wrote to its terminal. */
  private awaitedTerminal: { pid: number | undefined; text: string } | null = null;

  constructor(parts: ConnectionParts, clock: Clock) {
    this.connection = new Connection(parts, takeCredentials(parts.places), {
      status: (status) => {
        this.store.dispatch({ type: "link", status });
        if (status.kind === "open") this.opened();
      },
      snapshot: (snapshot, epoch) => this.snapshot(snapshot, epoch),
      event: (session, event) => this.event(session, event),
    });
    const context: Context = {
      store: this.store,
      hub: new Hub(this.connection),
      clock,
      debugger: () => this.sessions.debugger,
    };
    this.context = context;
    this.files = new Files(context);
    this.values = new Values(context);
    this.breakpoints = new Breakpoints(context);
    this.run = new RunControl(context);
    this.options = new CodeOptions(context);
    this.sessions = new Sessions(context, this.connection, this.files, this.values);
    this.console = new Console(context, this.values);
  }

  start(): void {
    this.connection.start();
  }

  close(): void {
    this.connection.close();
  }

  retry(): void {
    this.connection.retryNow();
  }

  /** Changes what the user chose for good. */
  choose(change: Partial<Choices>): void {
    this.store.dispatch({ type: "choices", change });
    for (const [key, value] of Object.entries(change)) {
      this.context.hub.setSetting({ scope: "user", key, value }).catch(() => undefined);
    }
  }

  /** Hears the terminal of every session, beginning with what came before. */
  listenToTerminals(listener: TerminalListener | null): void {
    this.terminals.listen(listener);
  }

  private opened(): void {
    this.sessions.opened();
    this.files.refreshFolders();
  }

  private snapshot(snapshot: Snapshot, epoch: string): void {
    this.flush();
    const before = this.store.get();
    const info = currentSession(before);
    if (before.epoch !== epoch && info !== null) {
      this.awaitedTerminal = { pid: info.pid, text: this.terminals.textOf(info.id) };
    }
    this.terminals.replace(snapshot.sessions.map(({ id }) => [id, snapshot.output[id] ?? []]));
    const remembered = (key: string) =>
      snapshot.settings.find((one) => one.scope === "workspace" && one.key === key)?.value;
    this.sessions.remember(remembered("thread"));
    this.takingUp(() => this.store.dispatch({ type: "snapshot", snapshot, epoch }));
    this.files.restoreTabs(remembered("tabs"));
  }

  /** Does something after which the program that was on show under another hub may be there again. */
  private takingUp(work: () => void): void {
    work();
    const { awaitedTerminal } = this;
    if (awaitedTerminal === null || this.store.get().awaited !== null) return;
    this.awaitedTerminal = null;
    const info = currentSession(this.store.get());
    if (info?.pid !== undefined && info.pid === awaitedTerminal.pid) {
      this.terminals.putBefore(info.id, awaitedTerminal.text);
    }
  }

  private event(session: number | null, event: DapEvent): void {
    if (event.event === "output" && session !== null) {
      this.output(session, event.body as OutputEvent);
      return;
    }
    this.flush();
    const dispatch = (message: Message) => this.store.dispatch(message);
    switch (event.event) {
      case "output": // of the hub itself
        dispatch({ type: "told", text: (event.body as OutputEvent).output.trim().replace(/^ikpdb: /, "") });
        return;
      case "ikpdb/session":
        this.takingUp(() => dispatch({ type: "session", info: event.body as SessionInfo }));
        this.sessions.update();
        return;
      case "ikpdb/sessionRemoved": {
        const removed = (event.body as { session: number }).session;
        dispatch({ type: "sessionRemoved", session: removed });
        this.terminals.remove(removed);
        this.sessions.update();
        return;
      }
      case "ikpdb/breakpoints":
        dispatch({ type: "breakpoints", list: event.body as BreakpointList });
        this.breakpoints.listChanged();
        this.sessions.breakpointsChanged();
        return;
      case "ikpdb/exceptionFilters":
        dispatch({ type: "filters", active: (event.body as ExceptionFilters).active });
        return;
      case "ikpdb/watches": {
        const { expressions } = event.body as Watches;
        const known = this.store.get().watches;
        if (expressions.length === known.length && expressions.every((one, i) => one === known[i])) return;
        dispatch({ type: "watches", expressions });
        void this.values.evaluateWatches();
        return;
      }
      case "ikpdb/setting":
        dispatch({ type: "setting", setting: event.body as Setting });
        return;
      case "ikpdb/pages":
        dispatch({ type: "pages", count: (event.body as Pages).count });
        return;
      case "stopped":
        if (session !== null) dispatch({ type: "stopped", session, body: event.body as StoppedEvent });
        break;
      case "continued":
        if (session !== null) dispatch({ type: "continued", session, body: event.body as ContinuedEvent });
        break;
    }
    if (session !== null) this.sessions.receive(session, event);
  }

  private output(session: number, body: OutputEvent): void {
    if (body.ikpdbTerminal === true) this.terminals.add(session, body.output);
    const waiting = this.waitingOutput.get(session) ?? [];
    this.waitingOutput.set(session, waiting);
    waiting.push(body);
    this.waitingCharacters += body.output.length;
    if (this.flushing) return;
    this.flushing = true;
    this.context.clock.after(this.lastBundle > FLOOD ? FLOOD_MS : OUTPUT_MS, () => this.flush());
  }

  private flush(): void {
    this.flushing = false;
    this.lastBundle = this.waitingCharacters;
    this.waitingCharacters = 0;
    for (const [session, events] of this.waitingOutput) this.store.dispatch({ type: "output", session, events });
    this.waitingOutput.clear();
  }
}
