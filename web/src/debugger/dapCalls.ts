// The requests of a session that need no memory: one DAP request each, and its answer in the contract's words.

import type { Capabilities } from "../socket/generated/Capabilities";
import type { ChangeOptions } from "../socket/generated/ChangeOptions";
import type { EvaluateArguments } from "../socket/generated/EvaluateArguments";
import type { EvaluateBody } from "../socket/generated/EvaluateBody";
import type { ExceptionInfoBody } from "../socket/generated/ExceptionInfoBody";
import type { ScopesBody } from "../socket/generated/ScopesBody";
import type { SetVariableBody } from "../socket/generated/SetVariableBody";
import type { Source as DapSource } from "../socket/generated/Source";
import type { SourceBody } from "../socket/generated/SourceBody";
import type { StackTraceBody } from "../socket/generated/StackTraceBody";
import type { Thread } from "../socket/generated/Thread";
import type { ThreadsBody } from "../socket/generated/ThreadsBody";
import type { VariablesBody } from "../socket/generated/VariablesBody";
import { RequestError } from "../socket/wire";
import type { FramePage, SessionChannel } from "./beyond";
import type { DebuggerAnswers, DebuggerEvents, Evaluation, Page } from "./contract";
import { fromSource, toFrame, toScope, toSource, toVariable, toVariables } from "./convert";
import type { Frame, Scope, Source, Variable } from "./data";
import { Emitter } from "./emitter";

/** The part of the debugger that asks; what it listens to is in `DapDebugger`. */
export abstract class DapCalls extends Emitter<DebuggerEvents, DebuggerAnswers> {
  protected channel: SessionChannel | null = null;
  protected known: Capabilities = {};
  /** Which thread steps and resumes go for. */
  protected thread = 0;

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

  stepIntoAnyway(): Promise<void> {
    return this.go("stepIn", { ikpdbAnyway: true });
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

  resumeThread(thread: number): Promise<void> {
    return this.go("continue", { threadId: thread });
  }

  suspend(): Promise<void> {
    return this.suspendThread(this.thread);
  }

  async suspendThread(thread: number): Promise<void> {
    await this.ask("pause", { threadId: thread });
    this.emit("suspend", undefined);
  }

  async changeOptions(change: ChangeOptions): Promise<void> {
    await this.ask("ikpdb/options", change);
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

  async setVariable(variable: Variable, value: string, _frame: Frame | null): Promise<Variable> {
    const args = { variablesReference: variable.parent, name: variable.name, value };
    const body = await this.ask<SetVariableBody>("setVariable", args);
    return { ...toVariable(variable.name, body, variable.parent), expression: variable.expression };
  }

  restartFrame(): Promise<unknown> {
    return Promise.reject(unsupported("restartFrame"));
  }

  getExceptionInfo(thread: number): Promise<ExceptionInfoBody> {
    return this.ask("exceptionInfo", { threadId: thread });
  }

  selectThread(thread: number): void {
    this.thread = thread;
  }

  runTo(path: string, line: number): Promise<void> {
    return this.go("ikpdb/runTo", { source: { path }, line: line + 1 });
  }

  async terminate(): Promise<void> {
    if (this.known.supportsTerminateRequest === false) return this.kill();
    await this.ask("terminate", {});
  }

  async kill(): Promise<void> {
    // Asked a second time, a program is ended by force.
    if (this.known.supportsTerminateRequest === false) await this.ask("disconnect", { terminateDebuggee: true });
    else await this.ask("terminate", {});
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

  protected async go(command: string, more: object = {}): Promise<void> {
    await this.ask(command, { threadId: this.thread, ...more });
  }

  private async children(ref: number, page?: Page): Promise<Variable[]> {
    const body = await this.ask<VariablesBody>("variables", { variablesReference: ref, ...page });
    return toVariables(body.variables, ref);
  }

  private evaluateIn(args: EvaluateArguments & { ikpdbDisableBreak?: boolean }): Evaluation {
    const channel = this.channel;
    if (channel === null) {
      const nothing = () => undefined;
      return { result: Promise.reject(notAttached("evaluate")), listen: nothing, cancel: nothing };
    }
    let heard: (text: string) => void = () => undefined;
    const options = { deadlineMs: 0, onProgress: (text: string) => heard(text) };
    const sent = channel.request<EvaluateBody>("evaluate", args, options);
    const result = sent.answer.then((body) => ({
      ...toVariable(args.expression.trim(), { ...body, value: body.result }, 0),
      expression: args.expression,
      othersRan: body.ikpdbOthersRan === true,
    }));
    const listen = (listener: typeof heard) => {
      heard = listener;
    };
    const cancel = () => {
      channel.request("cancel", { requestId: sent.seq }).answer.catch(() => undefined);
    };
    return { result, listen, cancel };
  }

  protected attachedChannel(command: string): SessionChannel {
    if (this.channel === null) throw notAttached(command);
    return this.channel;
  }

  protected ask<T>(command: string, args: unknown): Promise<T> {
    if (this.channel === null) return Promise.reject(notAttached(command));
    return this.channel.request<T>(command, args).answer;
  }
}

export function notAttached(command: string): RequestError {
  return new RequestError("gone", command, "No program is attached.");
}

export function unsupported(command: string): RequestError {
  return new RequestError("refused", command, `'${command}' is not supported by this debugger.`);
}
