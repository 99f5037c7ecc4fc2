// What the user evaluates in the console: expressions in the selected frame, with a way out of long ones.

import type { Evaluation } from "../debugger/contract";
import { Part, reason } from "./context";
import { memory } from "./memory";
import { currentConsole, features, isStopped, selectedFrame } from "./selectors";
import type { Values } from "./values";

/** After so long an evaluation is said to be still running. */
const SLOW_MS = 5000;
const KEPT_HISTORY = 200;

export class Console extends Part {
  /** By session and entry. */
  private running = new Map<string, Evaluation>();
  private past: string[] = memory.get<string[]>("history", []);

  constructor(
    context: Part["context"],
    private readonly values: Values,
  ) {
    super(context);
  }

  get history(): readonly string[] {
    return this.past;
  }

  async evaluate(text: string): Promise<void> {
    const session = this.state.current;
    const backend = this.context.debugger();
    if (session === null || backend === null || text.trim() === "") return;
    this.past = [...this.past.filter((one) => one !== text), text].slice(-KEPT_HISTORY);
    memory.set("history", this.past);
    const frame = selectedFrame(this.state.stop);
    const place = frame === null ? "" : frame.name;
    this.dispatch({ type: "consoleInput", session, text, place, now: this.context.clock.now() });
    const id = currentConsole(this.state).next - 1;
    if (!features(this.state).executeCode) {
      this.dispatch({ type: "consoleError", session, id, text: "This debugger cannot run code in the program." });
      return;
    }
    const evaluation = backend.evaluate(text, frame?.frame ?? null, frame === null, false);
    const key = `${session} ${id}`;
    this.running.set(key, evaluation);
    evaluation.listen((text) => this.dispatch({ type: "consoleProgress", session, id, text }));
    const cancelTimer = this.context.clock.after(SLOW_MS, () => this.dispatch({ type: "consoleSlow", session, id }));
    try {
      const variable = await evaluation.result;
      this.dispatch({ type: "consoleResult", session, id, variable, othersRan: variable.othersRan === true });
    } catch (error) {
      this.dispatch({ type: "consoleError", session, id, text: reason(error) });
    } finally {
      cancelTimer();
      this.running.delete(key);
      if (isStopped(this.state)) this.values.refresh();
    }
  }

  /** Gives an evaluation up; the program is asked, and says so if it could not. Then it may be asked again. */
  interrupt(id: number): void {
    const session = this.state.current;
    if (session === null) return;
    this.running.get(`${session} ${id}`)?.cancel();
    this.dispatch({ type: "consoleInterrupting", session, id });
  }

  clear(): void {
    if (this.state.current !== null) this.dispatch({ type: "clearConsole", session: this.state.current });
  }
}
