// The debugger contract over DAP, for every session of the hub whatever its backend. Lines are converted here, between
// DAP's 1-based and the contract's 0-based ones. It keeps no copy of the program's state but the current stop. A stop is
// told once its frames are there: who comes while they are fetched waits, and what broke is fetched when it is told again.

import type { Capabilities } from "../socket/generated/Capabilities";
import type { ContinuedEvent } from "../socket/generated/ContinuedEvent";
import type { EvaluateBody } from "../socket/generated/EvaluateBody";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Source as DapSource } from "../socket/generated/Source";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import { type DapEvent, RequestError } from "../socket/wire";
import type { FramePage, SessionBreak, SessionChannel, SessionDebugger, SessionException } from "./beyond";
import type { BreakBehavior, DebuggerState, Features } from "./contract";
import { errorVariable, toBreakpoint, toFrame, toSource } from "./convert";
import { DapCalls, unsupported } from "./dapCalls";
import type { Breakpoint, Frame, Variable } from "./data";
import { featuresOf } from "./features";
import { afterContinue, afterStop, isSameStop, stopsOf, stopToShow } from "./stops";

/** How many frames come with a stop. */
const FIRST_FRAMES = 50;

/** Stops are numbered over all sessions: what was asked in one of another session never passes for an answer in this. */
let stops = 0;

export class DapDebugger extends DapCalls implements SessionDebugger {
  private current: DebuggerState = null;
  private isAttached = false;
  private stop = 0;
  /** Of all threads that are stopped. */
  private stops: StoppedEvent[] = [];
  /** The one of them that is shown or being fetched. */
  private showing: StoppedEvent | null = null;
  /** Whether the thread that was shown makes a step, whose end the user waits for. */
  private steps = false;
  private topFrame: Frame | null = null;
  /** Where breakpoints were placed when it was last told, by id. */
  private placed = new Map<number, string>();

  constructor(readonly type: string) {
    super();
  }

  get capabilities(): Capabilities {
    return this.known;
  }

  get features(): Features {
    return featuresOf(this.known);
  }

  get state(): DebuggerState {
    return this.current;
  }

  get attached(): boolean {
    return this.isAttached;
  }

  /** Which stop is shown or being fetched. */
  get stopNumber(): number {
    return this.stop;
  }

  get breakOnExceptions(): boolean {
    return this.channel?.exceptionFilters().includes(this.filterFor("all") ?? "") ?? false;
  }

  get breakOnUncaughtExceptions(): boolean {
    return this.channel?.exceptionFilters().includes(this.filterFor("uncaught") ?? "") ?? false;
  }

  async attach(channel: SessionChannel, _reconnect: boolean): Promise<void> {
    this.channel = channel;
    const info = channel.info();
    this.known = info.capabilities ?? {};
    this.emit("frameActivate", { frame: null });
    this.synchronise();
    this.isAttached = true;
    this.emit("attach", { breakpoints: this.allBreakpoints() });
    this.stops = info.state === "stopped" ? stopsOf(info) : [];
    const lookedAt = channel.lookedAt();
    const first = this.stops.find((one) => one.threadId === lookedAt) ?? this.stops.at(-1);
    if (first !== undefined) await this.stopped(first);
    else if (info.state === "ended") this.setState(null);
    else this.setState("running");
  }

  detach(): void {
    if (!this.isAttached) return;
    this.emit("frameActivate", { frame: null });
    this.setState(null);
    this.isAttached = false;
    this.leaveStop(); // what is still under way is stale
    this.steps = false;
    this.stops = [];
    this.channel = null;
    this.emit("detach", undefined);
  }

  receive(event: DapEvent): void {
    if (!this.isAttached) return;
    switch (event.event) {
      case "stopped":
        this.stops = afterStop(this.stops, event.body as StoppedEvent);
        this.follow();
        return;
      case "continued":
        this.stops = afterContinue(this.stops, event.body as ContinuedEvent);
        this.follow();
        return;
      case "loadedSource":
        this.emit("sourcesCompile", { source: toSource((event.body as { source?: DapSource }).source) });
        return;
      case "capabilities":
        Object.assign(this.known, (event.body as { capabilities?: Capabilities }).capabilities ?? {});
        return;
      case "terminated":
        this.ended();
        return;
    }
  }

  update(info: SessionInfo): void {
    if (!this.isAttached) return;
    this.known = info.capabilities ?? this.known;
    switch (info.state) {
      case "stopped":
        this.stops = stopsOf(info);
        this.follow();
        return;
      case "ended":
        this.ended();
        return;
      case "running":
        this.stops = [];
        this.follow();
        return;
      case "starting":
        return;
    }
  }

  breakpointsChanged(): void {
    if (!this.isAttached) return;
    const before = this.placed;
    for (const breakpoint of this.notePlaces()) {
      const { id = 0, actual } = breakpoint;
      if (actual !== null && before.get(id) !== this.placed.get(id)) this.emit("breakpointUpdate", { breakpoint });
    }
  }

  async setBreakpoint(breakpoint: Breakpoint): Promise<Breakpoint> {
    const { path, line, enabled, condition, hitCondition, logMessage, content } = breakpoint;
    const wish = await this.attachedChannel("setBreakpoint").hub.setBreakpoint({
      path,
      line: line + 1,
      enabled,
      condition,
      hitCondition,
      logMessage,
      text: content,
    });
    return toBreakpoint(wish, this.channel?.session ?? null);
  }

  async changeBreakpoint(breakpoint: Breakpoint): Promise<Breakpoint> {
    const { id, line, enabled, condition, hitCondition, logMessage } = breakpoint;
    if (id === undefined) throw new RequestError("refused", "changeBreakpoint", "The breakpoint is not set yet.");
    const change = { id, line: line + 1, enabled, condition, hitCondition, logMessage };
    const wish = await this.attachedChannel("changeBreakpoint").hub.changeBreakpoint(change);
    return toBreakpoint(wish, this.channel?.session ?? null);
  }

  async clearBreakpoint(breakpoint: Breakpoint): Promise<void> {
    if (breakpoint.id === undefined) return;
    await this.attachedChannel("clearBreakpoint").hub.removeBreakpoints([breakpoint.id]);
  }

  async listBreakpoints(): Promise<Breakpoint[]> {
    return this.allBreakpoints();
  }

  async serializeVariable(variable: Variable, frame: Frame | null = this.topFrame): Promise<string> {
    if (variable.expression === null || this.known.supportsClipboardContext !== true) return variable.value;
    const frameId = frame === null ? {} : { frameId: frame.id };
    const args = { expression: variable.expression, context: "clipboard", ...frameId, ikpdbDisableBreak: true };
    return (await this.ask<EvaluateBody>("evaluate", args)).result;
  }

  async setBreakBehavior(type: BreakBehavior, enabled: boolean): Promise<void> {
    const filter = this.filterFor(type);
    if (filter === null) throw unsupported("setBreakBehavior");
    const channel = this.attachedChannel("setBreakBehavior");
    const others = channel.exceptionFilters().filter((one) => one !== filter);
    await channel.hub.setExceptionFilters(enabled ? [...others, filter] : others);
  }

  getProxySource(): false {
    return false; // the hub is the proxy
  }

  showThread(thread: number): void {
    const stop = this.stops.find((one) => one.threadId === thread);
    if (stop === undefined || (this.showing !== null && isSameStop(stop, this.showing))) return;
    void this.stopped(stop);
  }

  /** Where threads stop one by one, one is paused: the one that was looked at, or, where that is gone, the first. */
  override async suspend(): Promise<void> {
    if (this.attachedChannel("pause").info().options?.stopPolicy !== "thread") return super.suspend();
    const threads = await this.getThreads();
    const there = threads.find((one) => one.id === this.thread) ?? threads[0];
    return this.suspendThread(there?.id ?? this.thread);
  }

  waitNoMore(): void {
    if (!this.steps) return;
    this.steps = false;
    this.follow();
  }

  protected override async go(command: string, more: { threadId?: number } & object = {}): Promise<void> {
    const before = this.stop;
    const { threadId = this.thread } = more;
    // That another thread is let go on changes nothing about whom the user waits for.
    if (threadId === this.thread) this.steps = command !== "continue";
    try {
      await super.go(command, more);
    } catch (error) {
      if (this.stop === before) this.steps = false;
      throw error;
    }
  }

  /** The set of stops has changed: what is on show stays as long as it is one of them. */
  private follow(): void {
    const { showing, stops } = this;
    if (showing !== null && stops.some((one) => isSameStop(one, showing))) return;
    const next = stopToShow(stops, this.thread, this.steps);
    if (next === null) this.running();
    else void this.stopped(next);
  }

  private async stopped(body: StoppedEvent): Promise<void> {
    this.showing = body;
    this.steps = false;
    stops += 1;
    const stop = stops;
    this.stop = stop;
    // Who attaches to a stopped program hears of the stop first, of the state after it.
    const attaching = this.current === null;
    if (!attaching) this.setState("stopped");
    this.thread = body.threadId ?? this.thread;
    const page = await this.framesOf(stop, body.threadId === undefined);
    if (page === null || stop !== this.stop) return; // the way to it broke, or it has run since
    this.topFrame = page.frames[0] ?? null;
    if (attaching) this.current = "stopped";
    this.emit("frameActivate", { frame: this.topFrame });
    const details = { stop, body, reason: body.reason, thread: this.thread, totalFrames: page.total };
    const frame = this.topFrame ?? noFrame(this.thread);
    if (body.reason === "exception") {
      const exception = errorVariable("exception", body.text ?? body.description ?? "");
      const event: SessionException = { frame, frames: page.frames, exception, ...details };
      this.emit("exception", event);
    } else {
      const event: SessionBreak = { frame, frames: page.frames, ...details };
      this.emit("break", event);
    }
    if (attaching) this.emit("stateChange", { state: "stopped" });
  }

  /**
   * The first frames of a stop. A backend that is late is asked again; one that refuses leaves a stop without frames, which
   * can still be continued; null: the connection broke, or the stop is over.
   */
  private async framesOf(stop: number, threadUnknown: boolean): Promise<FramePage | null> {
    while (stop === this.stop) {
      try {
        if (threadUnknown) this.thread = (await this.getThreads())[0]?.id ?? 0;
        return await this.getFramesOf(this.thread, 0, FIRST_FRAMES);
      } catch (error) {
        if (stop !== this.stop) return null;
        this.emit("error", error instanceof Error ? error : new Error(String(error)));
        const kind = error instanceof RequestError ? error.kind : "refused";
        if (kind === "timeout") continue;
        if (kind !== "gone") return { frames: [], total: 0 };
        this.showing = null; // it is told again when the connection is back
        return null;
      }
    }
    return null;
  }

  private running(): void {
    this.leaveStop();
    this.setState("running");
  }

  private ended(): void {
    this.stops = [];
    this.leaveStop();
    this.emit("frameActivate", { frame: null });
    this.setState(null);
  }

  private leaveStop(): void {
    stops += 1;
    this.stop = stops;
    this.showing = null;
    this.topFrame = null;
  }

  /** What the user wants and the hub does not know yet, it is told; all else about breakpoints is known there. */
  private synchronise(): void {
    this.placed.clear();
    this.notePlaces();
    for (const breakpoint of this.question("getBreakpoints", undefined).flat()) {
      if (breakpoint.id !== undefined) continue;
      this.setBreakpoint(breakpoint).catch((error: unknown) => this.emit("error", error as Error));
    }
  }

  private notePlaces(): Breakpoint[] {
    const all = this.allBreakpoints();
    this.placed = new Map(
      all.map(({ id = 0, actual, invalid, message }) => [id, JSON.stringify([actual, invalid, message])]),
    );
    return all;
  }

  private setState(state: DebuggerState): void {
    if (state === this.current) return;
    this.current = state;
    this.emit("stateChange", { state });
  }

  private allBreakpoints(): Breakpoint[] {
    const channel = this.channel;
    return channel === null ? [] : channel.wishes().map((wish) => toBreakpoint(wish, channel.session));
  }

  /** Which of the backend's filters plays the role that the contract knows. */
  private filterFor(type: BreakBehavior): string | null {
    const filters = (this.known.exceptionBreakpointFilters ?? []).map((one) => one.filter);
    const names = type === "uncaught" ? ["uncaught", "unhandled"] : ["raised", "all"];
    return filters.find((filter) => names.includes(filter)) ?? null;
  }
}

/** A stop without a Python stack, as of a program that does not compile. */
function noFrame(thread: number): Frame {
  return toFrame({ id: 0, name: "", line: 1, column: 1 }, 0, thread);
}
