// The debugger contract over DAP, for every session of the hub whatever its backend. Lines are converted here, between
// DAP's 1-based and the contract's 0-based ones. It keeps no copy of the program's state but the current stop.

import type { Capabilities } from "../socket/generated/Capabilities";
import type { EvaluateArguments } from "../socket/generated/EvaluateArguments";
import type { EvaluateBody } from "../socket/generated/EvaluateBody";
import type { ExceptionInfoBody } from "../socket/generated/ExceptionInfoBody";
import type { ScopesBody } from "../socket/generated/ScopesBody";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { SetVariableBody } from "../socket/generated/SetVariableBody";
import type { Source as DapSource } from "../socket/generated/Source";
import type { SourceBody } from "../socket/generated/SourceBody";
import type { StackTraceBody } from "../socket/generated/StackTraceBody";
import type { StoppedEvent } from "../socket/generated/StoppedEvent";
import type { Thread } from "../socket/generated/Thread";
import type { ThreadsBody } from "../socket/generated/ThreadsBody";
import type { VariablesBody } from "../socket/generated/VariablesBody";
import { type DapEvent, RequestError } from "../socket/wire";
import type { FramePage, SessionBreak, SessionChannel, SessionDebugger, SessionException } from "./beyond";
import type { BreakBehavior, DebuggerEvents, DebuggerState, Evaluation, Features, Page } from "./contract";
import {
  errorVariable,
  fromSource,
  toBreakpoint,
  toFrame,
  toScope,
  toSource,
  toVariable,
  toVariables,
} from "./convert";
import type { Breakpoint, Frame, Scope, Source, Variable } from "./data";
import { Emitter } from "./emitter";

/** How many frames come with a stop. */
const FIRST_FRAMES = 50;

export class DapDebugger extends Emitter<DebuggerEvents> implements SessionDebugger {
  private channel: SessionChannel | null = null;
  private current: DebuggerState = null;
  private isAttached = false;
  private known: Capabilities = {};
  private stop = 0;
  private stopOfAgent: number | null = null;
  private thread = 0;
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

  async getSources(): Promise<Source[]> {
    const body = await this.ask<{ sources: DapSource[] }>("loadedSources", {});
    const sources = body.sources.map(toSource);
    this.emit("sources", { sources });
    return sources;
  }

  async getSource(source: Source): Promise<string> {
    const body = await this.ask<SourceBody>("source", { source: fromSource(source), sourceReference: source.id });
    source.text = body.content;
    if (body.ikpdbHash !== undefined) source.hash = body.ikpdbHash;
    return body.content;
  }

  async getFrames(): Promise<Frame[]> {
    const { frames } = await this.getFramesOf(this.thread, 0, 0);
    this.emit("getFrames", { frames });
    return frames;
  }

  async getFramesOf(thread: number, start: number, levels: number): Promise<FramePage> {
    const args = { threadId: thread, startFrame: start, levels };
    const body = await this.ask<StackTraceBody>("stackTrace", args);
    const frames = body.stackFrames.map((frame, index) => toFrame(frame, start + index, thread));
    return { frames, total: body.totalFrames ?? start + frames.length };
  }

  async getThreads(): Promise<Thread[]> {
    return (await this.ask<ThreadsBody>("threads", {})).threads;
  }

  async getScopes(frame: Frame): Promise<Scope[]> {
    const body = await this.ask<ScopesBody>("scopes", { frameId: frame.id });
    frame.scopes = body.scopes.map((scope, index) => toScope(scope, index, frame.index));
    return frame.scopes;
  }

  async getScope(_frame: Frame, scope: Scope): Promise<Variable[]> {
    scope.variables = await this.children(scope.id);
    return scope.variables;
  }

  async getProperties(variable: Variable, page?: Page): Promise<Variable[]> {
    variable.properties = await this.children(variable.ref, page);
    return variable.properties;
  }

  stepInto(): Promise<void> {
    return this.go("stepIn");
  }

  stepOver(): Promise<void> {
    return this.go("next");
  }

  stepOut(): Promise<void> {
    return this.go("stepOut");
  }

  resume(): Promise<void> {
    return this.go("continue");
  }

  async suspend(): Promise<void> {
    await this.ask("pause", { threadId: this.thread });
    this.emit("suspend", undefined);
  }

  evaluate(expression: string, frame: Frame | null, global: boolean, disableBreak: boolean): Evaluation {
    const frameId = frame === null || global ? {} : { frameId: frame.id };
    if (!disableBreak) return this.evaluateIn({ expression, context: "repl", ...frameId });
    return this.evaluateIn({ expression, context: "watch", ...frameId, ikpdbDisableBreak: true });
  }

  hover(expression: string, frame: Frame): Evaluation {
    return this.evaluateIn({ expression, context: "hover", frameId: frame.id, ikpdbDisableBreak: true });
  }

  setScriptSource(): Promise<unknown> {
    return Promise.reject(unsupported("setScriptSource"));
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

  async setVariable(variable: Variable, value: string, _frame: Frame | null): Promise<Variable> {
    const args = { variablesReference: variable.parent, name: variable.name, value };
    const body = await this.ask<SetVariableBody>("setVariable", args);
    return { ...toVariable(variable.name, body, variable.parent), expression: variable.expression };
  }

  restartFrame(): Promise<unknown> {
    return Promise.reject(unsupported("restartFrame"));
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

  getExceptionInfo(thread: number): Promise<ExceptionInfoBody> {
    return this.ask("exceptionInfo", { threadId: thread });
  }

  selectThread(thread: number): void {
    this.thread = thread;
  }

  async runTo(path: string, line: number): Promise<void> {
    await this.ask("ikpdb/runTo", { threadId: this.thread, source: { path }, line: line + 1 });
  }

  async terminate(): Promise<void> {
    if (this.known.supportsTerminateRequest === false) return this.kill();
    await this.ask("terminate", {});
  }

  async kill(): Promise<void> {
    await this.ask("disconnect", { terminateDebuggee: true });
  }

  async restart(): Promise<void> {
    await this.ask("restart", {});
  }

  async typeIntoTerminal(data: string): Promise<void> {
    await this.ask("ikpdb/terminal/input", { data });
  }

  async resizeTerminal(columns: number, rows: number): Promise<void> {
    await this.ask("ikpdb/terminal/resize", { columns, rows });
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

  private async go(command: string): Promise<void> {
    await this.ask(command, { threadId: this.thread });
  }

  private async children(ref: number, page?: Page): Promise<Variable[]> {
    const body = await this.ask<VariablesBody>("variables", { variablesReference: ref, ...page });
    return toVariables(body.variables, ref);
  }

  private evaluateIn(args: EvaluateArguments & { ikpdbDisableBreak?: boolean }): Evaluation {
    const channel = this.channel;
    if (channel === null) return { result: Promise.reject(notAttached("evaluate")), cancel: () => undefined };
    const sent = channel.request<EvaluateBody>("evaluate", args, { deadlineMs: 0 });
    const result = sent.answer.then((body) => ({
      ...toVariable(args.expression.trim(), { ...body, value: body.result }, 0),
      expression: args.expression,
      othersRan: body.ikpdbOthersRan === true,
    }));
    const cancel = () => {
      channel.request("cancel", { requestId: sent.seq }).answer.catch(() => undefined);
    };
    return { result, cancel };
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

  private attachedChannel(command: string): SessionChannel {
    if (this.channel === null) throw notAttached(command);
    return this.channel;
  }

  private ask<T>(command: string, args: unknown): Promise<T> {
    if (this.channel === null) return Promise.reject(notAttached(command));
    return this.channel.request<T>(command, args).answer;
  }
}

function notAttached(command: string): RequestError {
  return new RequestError("gone", command, "No program is attached.");
}

function unsupported(command: string): RequestError {
  return new RequestError("refused", command, `'${command}' is not supported by this debugger.`);
}

/** A stop without a Python stack, as of a program that does not compile. */
function noFrame(thread: number): Frame {
  return toFrame({ id: 0, name: "", line: 1, column: 1 }, 0, thread);
}
