// The debugger contract over DAP, for every session of the hub whatever its backend. Lines are converted here, between
// DAP's 1-based and the contract's 0-based ones. It keeps no copy of the program's state but the current stop.

import type { Capabilities } from "../socket/generated/Capabilities";
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

/** How many frames come with a stop. */
const FIRST_FRAMES = 50;

export class DapDebugger extends DapCalls implements SessionDebugger {
  private current: DebuggerState = null;
  private isAttached = false;
  private stop = 0;
  private stopOfAgent: number | null = null;
  private topFrame: Frame | null = null;

  constructor(readonly type: string) {
    super();
  }

  get capabilities(): Capabilities {
    return this.known;
  }

  get features(): Features {
    const can = this.known;
    return {
      scripts: can.supportsLoadedSourcesRequest === true,
      conditionalBreakpoints: can.supportsConditionalBreakpoints === true,
      liveUpdate: false,
      updateWatchedVariables: false,
      updateScopeVariables: can.supportsSetVariable === true,
      setBreakBehavior: (can.exceptionBreakpointFilters ?? []).length > 0,
      executeCode: can.ikpdb?.executeCode === true,
    };
  }

  get state(): DebuggerState {
    return this.current;
  }

  get attached(): boolean {
    return this.isAttached;
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
    this.isAttached = true;
    this.emit("attach", { breakpoints: this.allBreakpoints() });
    if (info.state === "stopped" && info.stopped !== undefined) await this.stopped(info.stopped);
    else if (info.state === "ended") this.setState(null);
    else this.setState("running");
  }

  detach(): void {
    if (!this.isAttached) return;
    this.emit("frameActivate", { frame: null });
    this.setState(null);
    this.isAttached = false;
    this.stop += 1; // what is still under way is stale
    this.channel = null;
    this.emit("detach", undefined);
  }

  receive(event: DapEvent): void {
    if (!this.isAttached) return;
    switch (event.event) {
      case "stopped":
        void this.stopped(event.body as StoppedEvent);
        return;
      case "continued":
        this.running();
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
        if (info.stopped !== undefined) void this.stopped(info.stopped);
        return;
      case "ended":
        this.ended();
        return;
      case "running":
        this.running();
        return;
      case "starting":
        return;
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

  async serializeVariable(variable: Variable): Promise<string> {
    if (variable.expression === null || this.known.supportsClipboardContext !== true) return variable.value;
    const frameId = this.topFrame?.id;
    const args = { expression: variable.expression, context: "clipboard", frameId };
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

  private async stopped(body: StoppedEvent): Promise<void> {
    const ofAgent = body.ikpdbStop ?? null;
    if (this.current === "stopped" && ofAgent !== null && ofAgent === this.stopOfAgent) return; // told twice
    this.stopOfAgent = ofAgent;
    this.stop += 1;
    const stop = this.stop;
    this.setState("stopped");
    this.thread = body.threadId ?? this.thread;
    let page: FramePage;
    try {
      if (body.threadId === undefined) this.thread = (await this.getThreads())[0]?.id ?? 0;
      page = await this.getFramesOf(this.thread, 0, FIRST_FRAMES);
    } catch (error) {
      if (stop === this.stop) this.emit("error", error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (stop !== this.stop) return; // it has run since
    this.topFrame = page.frames[0] ?? null;
    this.emit("frameActivate", { frame: this.topFrame });
    const details = { stop, reason: body.reason, thread: this.thread, totalFrames: page.total };
    const frame = this.topFrame ?? noFrame(this.thread);
    if (body.reason === "exception") {
      const exception = errorVariable("exception", body.text ?? body.description ?? "");
      const event: SessionException = { frame, frames: page.frames, exception, ...details };
      this.emit("exception", event);
    } else {
      const event: SessionBreak = { frame, frames: page.frames, ...details };
      this.emit("break", event);
    }
  }

  private running(): void {
    this.stop += 1;
    this.topFrame = null;
    this.setState("running");
  }

  private ended(): void {
    this.stop += 1;
    this.topFrame = null;
    this.emit("frameActivate", { frame: null });
    this.setState(null);
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
