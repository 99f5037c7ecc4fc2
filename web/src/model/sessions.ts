// Follows the session that is shown: attaches the debugger to it, and fetches what a stop has to show.

import type { SessionBreak, SessionChannel, SessionException } from "../debugger/beyond";
import { toBreakpoint } from "../debugger/convert";
import { DapDebugger } from "../debugger/dapDebugger";
import type { Frame } from "../debugger/data";
import type { SessionInfo } from "../socket/generated/SessionInfo";
import type { Requester } from "../socket/hub";
import type { DapEvent } from "../socket/wire";
import { isGone, Part, reason } from "./context";
import type { Files } from "./files";
import { documentKey } from "./paths";
import { allStand, currentSession, isStopped, selectedFrame, shownStop, stops } from "./selectors";
import type { FrameView } from "./state";
import type { Values } from "./values";

/** Panels keep what they show so long after the program went on. */
const GRACE_MS = 500;
/** Frames that "load more" fetches. */
const MORE_FRAMES = 200;

/** How often it is looked which threads there are while one is stopped and others run. */
const THREADS_MS = 2000;

interface Look {
  session: number;
  thread: number;
}

function isLook(value: unknown): value is Look {
  if (typeof value !== "object" || value === null) return false;
  return (
    "session" in value && typeof value.session === "number" && "thread" in value && typeof value.thread === "number"
  );
}

export class Sessions extends Part {
  private attachedTo: number | null = null;
  /** Whose number that is: another hub counts anew. */
  private epoch: string | null = null;
  private backend: DapDebugger | null = null;
  /** Which of several stopped threads was looked at. */
  private lookedAt: Look | null = null;
  /** The options as they were last told, as text. */
  private options: string | null = null;
  private cancelLook: () => void = () => undefined;

  constructor(
    context: Part["context"],
    private readonly connection: Requester,
    private readonly files: Files,
    private readonly values: Values,
  ) {
    super(context);
  }

  get debugger(): DapDebugger | null {
    return this.backend;
  }

  /** Attaches to the session that is shown now, if it is another than before. */
  follow(): void {
    const { current: session, epoch } = this.state;
    if (session === this.attachedTo && epoch === this.epoch) return;
    this.backend?.detach();
    this.backend = null;
    this.attachedTo = session;
    this.epoch = epoch;
    const info = currentSession(this.state);
    if (session === null || info === null) return;
    const backend = new DapDebugger(info.type);
    this.backend = backend;
    this.options = JSON.stringify(info.options);
    backend.on("break", (event) => this.stopped(backend, event));
    backend.on("exception", (event) => this.stopped(backend, event));
    backend.on("error", (error) => this.complain(error));
    backend.on("getBreakpoints", () => this.state.breakpoints.wishes.map((wish) => toBreakpoint(wish, session)));
    backend.on("stateChange", ({ state }) => {
      if (state === "running") this.startGrace(backend);
    });
    backend.attach(this.channel(session), true).catch((error: unknown) => this.complain(error));
    this.files.reload();
    if (this.state.tabs.length === 0) this.openProgram();
  }

  receive(session: number, event: DapEvent): void {
    if (session !== this.attachedTo || this.backend === null) return;
    this.backend.receive(event);
    const changed = event.event === "stopped" || event.event === "continued";
    // A stop that holds all is about to be shown, with its threads.
    if (changed && !allStand(this.state)) void this.loadThreads(this.backend);
  }

  /** What was remembered of which thread was looked at, when the page is loaded anew. */
  remember(value: unknown): void {
    if (this.lookedAt === null && isLook(value)) this.lookedAt = value;
  }

  /** The list of breakpoints changed. */
  breakpointsChanged(): void {
    this.backend?.breakpointsChanged();
  }

  /** The connection is there, or there again: what was asked over another one and not answered is asked anew. */
  opened(): void {
    const before = this.backend;
    this.update();
    const { backend } = this;
    if (backend !== before) return; // it is new and has asked for everything
    this.files.reload();
    const { stop } = this.state;
    // Where it has stopped anew meanwhile, that stop is being fetched.
    if (backend === null || stop === null || !isStopped(this.state) || backend.stopNumber !== stop.number) return;
    void this.loadThreads(backend);
    for (const [thread, { status }] of Object.entries(stop.frames)) {
      if (status !== "loaded") void this.loadFrames(Number(thread), 0);
    }
    if (stop.exception?.info === null) void this.loadException(backend, stop.number, stop.thread);
    this.values.refresh();
  }

  /** The list of sessions changed. */
  update(): void {
    this.follow();
    const info = currentSession(this.state);
    if (info === null || this.backend === null) return;
    this.backend.update(info);
    this.optionsChanged(info);
  }

  /** What counts as the user's own code shows in the stack. */
  private optionsChanged({ options }: SessionInfo): void {
    const { stop } = this.state;
    const before = this.options;
    this.options = JSON.stringify(options);
    if (before === null || before === this.options || stop === null || !isStopped(this.state)) return;
    for (const thread of Object.keys(stop.frames)) void this.loadFrames(Number(thread), 0);
  }

  select(session: number): void {
    this.dispatch({ type: "selectSession", session });
    this.follow();
  }

  /** Shows the stop of another thread. */
  showThread(thread: number): void {
    this.backend?.showThread(thread);
  }

  /** Goes around the threads that are stopped. */
  showNextThread(): void {
    const all = stops(this.state);
    const shown = shownStop(this.state);
    const at = shown === null ? -1 : all.indexOf(shown);
    const next = all[(at + 1) % all.length]?.threadId;
    if (next !== undefined) this.showThread(next);
  }

  selectFrame(frame: FrameView, focus: boolean): void {
    this.backend?.selectThread(frame.thread);
    this.dispatch({ type: "selectFrame", thread: frame.thread, index: frame.index });
    this.files.openFrame(frame, focus);
    void this.values.load();
  }

  /** One frame outwards (1) or inwards (-1). */
  moveFrame(by: number): void {
    const now = selectedFrame(this.state.stop);
    if (now === null) return;
    const next = this.state.stop?.frames[now.thread]?.frames[now.index + by];
    if (next !== undefined) this.selectFrame(next, false);
  }

  toggleThread(thread: number): void {
    this.dispatch({ type: "toggleThread", thread });
    if (this.state.stop?.frames[thread] === undefined) void this.loadFrames(thread, 0);
  }

  /** The next page of a long stack. */
  moreFrames(thread: number): void {
    void this.loadFrames(thread, this.state.stop?.frames[thread]?.frames.length ?? 0);
  }

  private async loadFrames(thread: number, start: number): Promise<void> {
    const { stop } = this.state;
    if (stop === null || this.backend === null) return;
    try {
      const { frames, total } = await this.backend.getFramesOf(thread, start, MORE_FRAMES);
      const views = frames.map((frame) => this.view(frame));
      this.dispatch({ type: "threadFrames", number: stop.number, thread, start, frames: views, total });
    } catch (error) {
      // A page of a stack that cannot be had is asked for again by whoever wants it; the frames before it stay.
      if (start > 0 || isGone(error)) this.complain(error);
      else this.dispatch({ type: "threadFramesFailed", number: stop.number, thread, error: reason(error) });
    }
  }

  private stopped(backend: DapDebugger, event: SessionBreak | SessionException): void {
    const { stop: number = 0, body, reason: why = "", thread = 0, totalFrames: total = 0 } = event;
    if (backend !== this.backend || body === undefined) return;
    const frames = (event.frames ?? []).map((frame) => this.view(frame));
    const exception = "exception" in event ? event.exception.value : null;
    // A pause or an exception deep in a library: the user's own line is what they look for.
    const own = why === "pause" || exception !== null ? frames.findIndex((frame) => !frame.subtle) : 0;
    const selected = Math.max(own, 0);
    this.dispatch({ type: "stop", number, body, reason: why, thread, frames, total, exception, selected });
    this.noteLook(thread);
    const frame = frames[selected];
    if (frame !== undefined) this.files.openFrame(frame, false);
    if (frame !== undefined) this.files.check(frame.document);
    void this.loadThreads(backend);
    void this.values.load();
    if (exception !== null) void this.loadException(backend, number, thread);
  }

  /**
   * Asks who is there, as long as something is stopped: where the others run they come and go meanwhile, and nobody tells
   * of it.
   */
  private async loadThreads(backend: DapDebugger): Promise<void> {
    const session = this.attachedTo;
    const isOver = () => backend !== this.backend || session === null || stops(this.state).length === 0;
    this.cancelLook();
    if (isOver() || session === null) return;
    try {
      const threads = await backend.getThreads();
      this.dispatch({ type: "threads", session, threads });
      const { stepping } = this.state;
      if (stepping !== null && !threads.some((one) => one.id === stepping)) backend.waitNoMore();
    } catch (error) {
      if (isStopped(this.state)) this.complain(error);
    }
    if (isOver() || allStand(this.state)) return;
    this.cancelLook();
    this.cancelLook = this.context.clock.after(THREADS_MS, () => void this.loadThreads(backend));
  }

  /** Which of several stopped threads is looked at is the same after a reload. */
  private noteLook(thread: number): void {
    const session = this.attachedTo;
    const { lookedAt } = this;
    if (session === null || stops(this.state).length < 2) return;
    if (lookedAt?.session === session && lookedAt.thread === thread) return;
    this.lookedAt = { session, thread };
    this.context.hub
      .setSetting({ scope: "workspace", key: "thread", value: { session, thread } })
      .catch(() => undefined);
  }

  private async loadException(backend: DapDebugger, number: number, thread: number): Promise<void> {
    if (backend.capabilities.supportsExceptionInfoRequest !== true) return;
    try {
      const info = await backend.getExceptionInfo(thread);
      const raised = info.details?.ikpdbRaisedAt;
      const noFrames = this.state.stop?.frames[thread]?.frames.length === 0;
      const isSyntax = /(^|\.)(SyntaxError|IndentationError|TabError)$/.test(info.exceptionId);
      // A file that does not compile has no frame of its own: it is shown where the compiler points.
      const at = raised !== undefined && (noFrames || isSyntax) ? { document: raised.path, line: raised.line } : null;
      this.dispatch({ type: "exceptionInfo", number, info, at });
      if (at !== null) this.files.open(at.document, at.line, false);
    } catch {
      // The text of the `stopped` event is shown.
    }
  }

  private startGrace(backend: DapDebugger): void {
    const { stop } = this.state;
    if (stop === null || backend !== this.backend) return;
    this.dispatch({ type: "wentOn" });
    this.context.clock.after(GRACE_MS, () => this.dispatch({ type: "graceOver", number: stop.number }));
  }

  /** Before anything has stopped: the program's own file is the one to look at. */
  private openProgram(): void {
    const info = currentSession(this.state);
    const script = info?.command.slice(1).find((word) => word.endsWith(".py") && !word.startsWith("-"));
    if (info === null || script === undefined) return;
    this.files.open(script.startsWith("/") ? script : `${info.cwd}/${script.replace(/^\.\//, "")}`, null, false);
  }

  private view(frame: Frame): FrameView {
    const session = this.attachedTo ?? 0;
    const { path, source } = frame;
    return {
      id: frame.id,
      index: frame.index,
      thread: frame.thread,
      name: frame.name,
      document: documentKey(session, path, frame.sourceId),
      path,
      fileName: source.name,
      line: frame.line + 1,
      column: frame.column + 1,
      endLine: frame.endLine === null ? null : frame.endLine + 1,
      endColumn: frame.endColumn === null ? null : frame.endColumn + 1,
      module: frame.module,
      subtle: frame.subtle,
      frame,
    };
  }

  private channel(session: number): SessionChannel {
    const info = currentSession(this.state);
    return {
      session,
      hub: this.context.hub,
      request: (command, args, options) => this.connection.request(session, command, args, options),
      info: () => this.state.sessions[session] ?? (info as NonNullable<typeof info>),
      wishes: () => this.state.breakpoints.wishes,
      exceptionFilters: () => this.state.filters,
      lookedAt: () => (this.lookedAt?.session === session ? this.lookedAt.thread : null),
    };
  }
}
