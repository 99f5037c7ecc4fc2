// The user's breakpoints: one shared list at the hub, changed by increments.

import type { ChangeWish } from "../socket/generated/ChangeWish";
import type { Wish } from "../socket/generated/Wish";
import { Part, reason } from "./context";
import { capabilities, features, type Mark, markAt, marks } from "./selectors";
import type { ConditionEditor, DocumentKey } from "./state";

/** How long a saved condition may take to be refused by the program, before the editor closes. */
const VERDICT_MS = 400;

export class Breakpoints extends Part {
  private waiting: { wish: number; session: number; before: string | null; settle: () => void } | null = null;

  mark(document: DocumentKey, line: number): Mark | null {
    return markAt(marks(this.state), document, line);
  }

  /** A click in the gutter: adds, removes, or enables what was disabled. */
  toggle(document: DocumentKey, line: number): void {
    const mark = this.mark(document, line);
    if (mark === null || mark.wish.owner !== undefined) this.add(document, line, {});
    else if (mark.wish.enabled) this.remove([mark.wish.id]);
    else this.change({ id: mark.wish.id, enabled: true });
  }

  /** A click with Shift: disables, or adds or enables. */
  toggleEnabled(document: DocumentKey, line: number): void {
    const mark = this.mark(document, line);
    if (mark === null) this.add(document, line, {});
    else this.change({ id: mark.wish.id, enabled: !mark.wish.enabled });
  }

  add(document: DocumentKey, line: number, with_: Pick<ChangeWish, "condition" | "hitCondition" | "logMessage">): void {
    this.set(this.send(document, line, with_));
  }

  /** At the begin of a function: `work`, `Cart.total`, `shop.cart:Cart.total`. */
  addFunction(name: string): void {
    const asked = name.trim();
    if (asked === "") return;
    const there = this.state.breakpoints.wishes.find((one) => one.function === asked && one.owner === undefined);
    if (there !== undefined) {
      this.change({ id: there.id, enabled: true });
      return;
    }
    this.set(this.context.hub.setBreakpoint({ path: "", line: 0, function: asked }));
  }

  /** Who sets one wants it to stop: the master switch goes on. */
  private set(request: Promise<unknown>): void {
    this.attempt(request);
    if (!this.state.breakpoints.active) this.activate(true);
  }

  change(change: ChangeWish): void {
    this.attempt(this.context.hub.changeBreakpoint(change));
  }

  remove(ids: number[]): void {
    if (ids.length > 0) this.attempt(this.context.hub.removeBreakpoints(ids));
  }

  removeAll(): void {
    this.remove(this.state.breakpoints.wishes.filter((wish) => wish.owner === undefined).map((wish) => wish.id));
  }

  /** The master switch. */
  activate(active: boolean): void {
    this.attempt(this.context.hub.activateBreakpoints(active));
  }

  setFilter(filter: string, on: boolean): void {
    const others = this.state.filters.filter((one) => one !== filter);
    const active = on ? [...others, filter] : others;
    this.dispatch({ type: "filters", active });
    this.attempt(this.context.hub.setExceptionFilters(active));
  }

  edit(document: DocumentKey, line: number): void {
    if (!document.startsWith("/")) return;
    const mark = this.mark(document, line);
    this.openEditor(document, line, mark?.wish.owner === undefined ? mark?.wish : undefined);
  }

  /** The editor of a breakpoint that has no line: it opens in the list. */
  editFunction(wish: Wish): void {
    if (wish.function !== undefined && wish.owner === undefined) this.openEditor("", 0, wish);
  }

  private openEditor(document: DocumentKey, line: number, own: Wish | undefined): void {
    const tab = this.tabOf(own);
    if (tab === null) {
      this.complain(new Error("This debugger knows no conditions of breakpoints."));
      return;
    }
    const error = own === undefined ? null : this.refusal(own.id, this.state.current ?? 0);
    const editor: ConditionEditor = { document, line, wish: own?.id ?? null, tab, error, saving: false };
    this.dispatch({ type: "condition", editor });
  }

  /** What is edited first: what is set, else what can be set; null: nothing of it. */
  private tabOf(wish: Wish | undefined): ConditionEditor["tab"] | null {
    if (wish?.logMessage) return "log";
    if (wish?.hitCondition) return "hit";
    if (wish?.condition || features(this.state).conditionalBreakpoints) return "condition";
    const can = capabilities(this.state);
    if (can.supportsHitConditionalBreakpoints === true) return "hit";
    return can.supportsLogPoints === true ? "log" : null;
  }

  closeEditor(): void {
    this.dispatch({ type: "condition", editor: null });
  }

  /** Saves what the editor holds; it stays open if the program refuses it. */
  async save(values: { condition: string; hitCondition: string; logMessage: string }): Promise<void> {
    const editor = this.state.condition;
    if (editor === null || editor.saving) return;
    this.dispatch({ type: "condition", editor: { ...editor, saving: true, error: null } });
    const before = editor.wish === null ? null : this.refusal(editor.wish, this.state.current ?? 0);
    try {
      const wish =
        editor.wish === null
          ? await this.send(editor.document, editor.line, values)
          : await this.context.hub.changeBreakpoint({ id: editor.wish, ...values });
      if (!this.state.breakpoints.active) this.activate(true);
      const error = await this.verdict(wish.id, before);
      const now = this.state.condition;
      if (now?.document !== editor.document || now.line !== editor.line || now.wish !== editor.wish) return;
      const open = error === null ? null : { ...now, wish: wish.id, saving: false, error };
      this.dispatch({ type: "condition", editor: open });
    } catch (error) {
      this.dispatch({ type: "condition", editor: { ...editor, saving: false, error: reason(error) } });
    }
  }

  /** The list came anew: somebody may be waiting for what the program says to a condition. */
  listChanged(): void {
    const { waiting } = this;
    // What it said of the condition before is no news, and stays until it has looked at the new one.
    if (waiting !== null && this.refusal(waiting.wish, waiting.session) !== waiting.before) waiting.settle();
  }

  /** Why the program cannot use the breakpoint, if it says so soon. */
  private verdict(wish: number, before: string | null): Promise<string | null> {
    const info = this.state.current === null ? undefined : this.state.sessions[this.state.current];
    if (info === undefined || info.state === "ended") return Promise.resolve(null);
    const session = info.id;
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.waiting = null;
        resolve(this.refusal(wish, session));
      };
      const cancel = this.context.clock.after(VERDICT_MS, settle);
      this.waiting = { wish, session, before, settle };
      this.listChanged();
    });
  }

  /** What the program has against the condition, hit count or message. That a file is not loaded yet, or the line was moved, is nothing against it. */
  private refusal(id: number, session: number): string | null {
    const wish = this.state.breakpoints.wishes.find((one) => one.id === id);
    const placed = wish?.placed[session];
    if (wish === undefined || placed === undefined) return null;
    if (!(wish.condition || wish.hitCondition || wish.logMessage)) return null;
    const moved =
      wish.function === undefined && placed.verified && placed.line !== undefined && placed.line !== wish.line;
    const pending = !placed.verified && placed.reason === "pending";
    return moved || pending ? null : (placed.message ?? null);
  }

  private send(path: string, line: number, with_: Pick<ChangeWish, "condition" | "hitCondition" | "logMessage">) {
    if (!path.startsWith("/")) {
      return Promise.reject(new Error("Breakpoints can be set in files only; this text exists only in the program."));
    }
    const text = this.state.documents[path]?.text.split("\n")[line - 1]?.trim().slice(0, 200);
    return this.context.hub.setBreakpoint({ path, line, ...with_, ...(text === undefined ? {} : { text }) });
  }
}
