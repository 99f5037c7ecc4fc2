// Fetches values: scopes and children of the selected frame, watches, what the pointer rests on. Each answer carries the
// stop that it was asked in; the reducer drops what came too late.

import type { Variable } from "../debugger/data";
import { RequestError } from "../socket/wire";
import { isGone, Part, reason } from "./context";
import { frameKey } from "./reduceStop";
import { isStopped, selectedFrame } from "./selectors";
import type { FrameView, Hover, ScopeView, WatchValue } from "./state";
import {
  type Expansion,
  hoverPath,
  isOpen,
  type Load,
  missing,
  ownLoad,
  scopeRows,
  type TreeRow,
  valueRows,
  watchPath,
} from "./tree";

export class Values extends Part {
  private loading = new Set<string>();
  private hoverTicket = 0;

  /** Fetches what shows of the selected frame, and the watches. */
  async load(): Promise<void> {
    const { stop } = this.state;
    const frame = selectedFrame(stop);
    if (stop === null || frame === null) return;
    void this.evaluateWatches();
    await this.loadScopes(frame, stop.number);
    this.loadMissing();
  }

  private async loadScopes(view: FrameView, number: number): Promise<void> {
    const { debugger: current } = this.context;
    const backend = current();
    if (backend === null) return;
    try {
      const scopes = await backend.getScopes(view.frame);
      const views = scopes.map(
        (scope): ScopeView => ({
          name: scope.name,
          type: scope.type,
          ref: scope.id,
          count: scope.named === null && scope.indexed === null ? null : (scope.named ?? 0) + (scope.indexed ?? 0),
          // Global names are many: they are shut, but where they are all there is.
          open: !scope.expensive && (scopes.length === 1 || !scope.type.startsWith("global")),
        }),
      );
      const children: Record<string, Variable[]> = {};
      const open = scopes.filter((_, index) => {
        const scope = views[index];
        return scope !== undefined && isOpen(this.state.expanded, scope);
      });
      await Promise.all(
        open.map(async (scope) => {
          children[`s:${scope.name}`] = await backend.getScope(view.frame, scope);
        }),
      );
      const total = this.state.stop?.frames[view.thread]?.total ?? 0;
      this.dispatch({ type: "scopes", number, frameKey: frameKey(view, total), scopes: views, children });
    } catch (error) {
      if (this.state.stop?.number !== number || !isStopped(this.state) || selectedFrame(this.state.stop) !== view)
        return;
      this.complain(error);
      // It may be busy with a long evaluation: it is asked again as long as the stop is on show.
      if (error instanceof RequestError && error.kind === "timeout") await this.loadScopes(view, number);
    }
  }

  /** Everything that is open in the trees, to find what still has to be fetched. */
  private rows(): TreeRow[] {
    const at: Expansion = this.state;
    const rows = scopeRows(at);
    this.state.watchValues.forEach((value, index) => {
      const path = watchPath(index, value.expression);
      if (value.variable !== null && at.expanded[path]) rows.push(this.root(path, value.variable));
      if (value.variable !== null && at.expanded[path]) valueRows(at, path, value.variable, 1, rows);
    });
    const { hover } = this.state;
    if (hover !== null) {
      const path = hoverPath(hover.expression);
      rows.push(this.root(path, hover.variable));
      valueRows(at, path, hover.variable, 0, rows);
    }
    return rows;
  }

  private root(path: string, variable: Variable): TreeRow {
    return {
      kind: "variable",
      path,
      depth: 0,
      expanded: variable.ref > 0,
      load: ownLoad(variable),
      variable,
      parent: "",
      changed: false,
      was: null,
    };
  }

  /** Fetches the children of every open node that are not those of this stop. */
  loadMissing(): void {
    if (!isStopped(this.state)) return;
    for (const { path, load } of missing(this.state.tree, this.rows())) void this.loadChildren(path, load);
  }

  async loadChildren(path: string, load: Load): Promise<void> {
    const { stop } = this.state;
    const backend = this.context.debugger();
    const key = `${stop?.number} ${load.ref} ${path}`;
    if (stop === null || backend === null || this.loading.has(key)) return;
    this.loading.add(key);
    const number = stop.number;
    try {
      const page = load.filter === null && load.count === 0 ? undefined : { start: load.start, count: load.count };
      const filter = load.filter === null ? {} : { filter: load.filter };
      const items = await backend.getProperties(
        handle(load.ref),
        page === undefined ? undefined : { ...page, ...filter },
      );
      this.dispatch({ type: "children", number, path, items });
      this.loading.delete(key);
      this.loadMissing();
    } catch (error) {
      this.loading.delete(key);
      if (!isGone(error)) this.dispatch({ type: "childrenFailed", number, path, error: reason(error) });
    }
  }

  toggle(row: Pick<TreeRow, "path" | "expanded" | "load">, on = row.expanded !== true): void {
    if (row.expanded === null) return;
    this.dispatch({ type: "expand", path: row.path, on });
    if (!on || row.load === null) return;
    const known = this.state.tree.children[row.path];
    // What failed is tried again when it is opened again.
    if (known?.stop === this.state.tree.stop && known.error === null) return;
    void this.loadChildren(row.path, row.load);
  }

  /** Fetches a value that is only shown when asked for. */
  async reveal(parent: string, variable: Variable): Promise<void> {
    const { stop } = this.state;
    const backend = this.context.debugger();
    if (stop === null || backend === null) return;
    try {
      const [value] = await backend.getProperties(variable);
      if (value === undefined) return;
      const shown = { ...value, name: variable.name, parent: variable.parent };
      this.dispatch({ type: "replaceVariable", number: stop.number, parent, name: variable.name, variable: shown });
    } catch (error) {
      const failed = { ...variable, value: reason(error), lazy: false, error: true, ref: 0, children: false };
      this.dispatch({ type: "replaceVariable", number: stop.number, parent, name: variable.name, variable: failed });
    }
  }

  /** Assigns; the answer is an error text, or null if it worked. */
  async assign(parent: string, variable: Variable, value: string): Promise<string | null> {
    const { stop } = this.state;
    const backend = this.context.debugger();
    if (stop === null || backend === null) return "The program is not stopped.";
    try {
      const frame = selectedFrame(stop)?.frame ?? null;
      const now = await backend.setVariable(variable, value, frame);
      this.dispatch({ type: "replaceVariable", number: stop.number, parent, name: variable.name, variable: now });
      this.refresh();
      return null;
    } catch (error) {
      return reason(error);
    }
  }

  /** Something may have changed values: fetches again what shows, without taking it away meanwhile. */
  refresh(): void {
    if (!isStopped(this.state)) return;
    this.dispatch({ type: "staleTree" });
    void this.load();
  }

  async evaluateWatches(): Promise<void> {
    const { stop, watches, watchValues } = this.state;
    const backend = this.context.debugger();
    const frame = selectedFrame(stop)?.frame ?? null;
    if (stop === null || backend === null || !isStopped(this.state)) return;
    const number = stop.number;
    const values = watches.map((expression, index): WatchValue => {
      const old = watchValues[index];
      const same = old?.expression === expression ? old : { variable: null, error: null };
      return { expression, variable: same.variable, error: same.error, pending: true };
    });
    this.dispatch({ type: "watchValues", number, values });
    await Promise.all(
      watches.map(async (expression, index) => {
        const { result } = backend.evaluate(expression, frame, false, true);
        const value = await result.then(
          (variable): WatchValue => ({ expression, variable, error: null, pending: false }),
          (error): WatchValue | null =>
            isGone(error) ? null : { expression, variable: null, error: reason(error), pending: false },
        );
        const now = selectedFrame(this.state.stop)?.frame ?? null;
        if (now === frame && value !== null) this.dispatch({ type: "watchValue", number, index, value });
      }),
    );
    this.loadMissing();
  }

  setWatches(expressions: string[]): void {
    this.dispatch({ type: "watches", expressions });
    void this.evaluateWatches();
    this.attempt(this.context.hub.setWatches(expressions));
  }

  addWatch(expression: string): void {
    const trimmed = expression.trim();
    if (trimmed !== "") this.setWatches([...this.state.watches, trimmed]);
  }

  /**
   * Shows the value of what the pointer rests on. False: there is nothing to show, as of what would run the user's code, or
   * in another file than the selected frame's, where the same name is something else.
   */
  async showHover(expression: string, at: Pick<Hover, "document" | "x" | "y">): Promise<boolean> {
    this.hoverTicket += 1;
    const ticket = this.hoverTicket;
    const { stop } = this.state;
    const backend = this.context.debugger();
    const frame = selectedFrame(stop);
    if (stop === null || backend === null || frame === null || !isStopped(this.state)) return false;
    const here = () => this.state.active === at.document && selectedFrame(this.state.stop)?.frame.id === frame.frame.id;
    if (frame.document !== at.document || !here()) return false;
    const variable = await backend.hover(expression, frame.frame).result.catch(() => null);
    if (ticket !== this.hoverTicket) return true; // what came after it decides
    if (variable === null || this.state.stop?.number !== stop.number || !isStopped(this.state) || !here()) {
      this.hideHover(); // of what the pointer rested on before
      return false;
    }
    this.dispatch({ type: "hover", hover: { ...at, expression, variable, stop: stop.number } });
    this.loadMissing();
    return true;
  }

  hideHover(): void {
    if (this.state.hover !== null) this.dispatch({ type: "hover", hover: null });
  }

  /** The pointer rests there no more: what is under way is not shown, what is shown stays. */
  cancelHover(): void {
    this.hoverTicket += 1;
  }

  /** The whole value as text, for the clipboard; what is shown of it if the program cannot say. */
  async copyText(variable: Variable): Promise<string> {
    const backend = this.context.debugger();
    const frame = selectedFrame(this.state.stop)?.frame ?? null;
    if (backend === null || !isStopped(this.state)) return variable.value;
    return backend.serializeVariable(variable, frame).catch(() => variable.value);
  }
}

/** Enough of a variable to ask for its children. */
function handle(ref: number): Variable {
  return {
    tagName: "variable",
    name: "",
    value: "",
    type: "",
    ref,
    children: true,
    error: false,
    named: 0,
    indexed: 0,
    expression: null,
    readOnly: false,
    lazy: false,
    parent: 0,
    properties: null,
  };
}
