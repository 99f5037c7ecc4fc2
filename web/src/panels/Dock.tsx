// Console and terminal, as tabs below the source.

import { lazy, Show, Suspense } from "solid-js";
import { currentSession, streamNotes } from "../model/selectors";
import { ConsolePanel } from "./ConsolePanel";
import { command } from "./commands";
import { Icon } from "./Icon";
import { Splitter } from "./Splitter";
import { useModel, useSelect, useUi } from "./use";

// The terminal is large and often not looked at.
const TerminalPanel = lazy(() => import("./TerminalPanel"));

export function Dock() {
  const model = useModel();
  const ui = useUi();
  const tab = useSelect((state) => state.dock);
  const open = useSelect((state) => state.dockOpen);
  const info = useSelect(currentSession);
  const notes = useSelect((state) => streamNotes(currentSession(state)).join(" · "));
  const show = (dock: "console" | "terminal") =>
    model.store.dispatch({ type: "layout", change: { dock, dockOpen: true } });
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    show(tab() === "console" ? "terminal" : "console");
    const strip = event.currentTarget as Element;
    queueMicrotask(() => strip.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  return (
    <section class="dock" aria-label="Console and terminal" data-open={open()} data-region>
      <Splitter edge="dock" />
      <div class="tabs">
        <div class="strip" role="tablist" aria-label="Console and terminal" onKeyDown={keys}>
          <button
            type="button"
            class="tab"
            role="tab"
            data-testid="tab-console"
            aria-selected={open() && tab() === "console"}
            tabindex={tab() === "console" ? 0 : -1}
            onClick={() => show("console")}
          >
            <Icon name="right" />
            Console
          </button>
          <button
            type="button"
            class="tab"
            role="tab"
            data-testid="tab-terminal"
            aria-selected={open() && tab() === "terminal"}
            tabindex={tab() === "terminal" ? 0 : -1}
            onClick={() => show("terminal")}
          >
            <Icon name="terminal" />
            Terminal
            <Show when={info()?.waitingForInput}>
              <span class="badge stop">waits</span>
            </Show>
          </button>
        </div>
        <div class="end">
          <Show when={open() && tab() === "console"}>
            <button
              type="button"
              class="ib"
              aria-label="Clear the console"
              title="Clear the console"
              onClick={() => model.console.clear()}
            >
              <Icon name="trash" class="i14" />
            </button>
          </Show>
          <button
            type="button"
            class="ib"
            aria-label={open() ? "Hide the panel (Ctrl-J)" : "Show the panel (Ctrl-J)"}
            title={open() ? "Hide the panel (Ctrl-J)" : "Show the panel (Ctrl-J)"}
            onClick={() => command("toggleDock").run(model, ui)}
          >
            <Icon name={open() ? "close" : "fold"} class="i14" />
          </button>
        </div>
      </div>
      <Show when={open()}>
        <Show when={notes()}>
          {(text) => (
            <p class="streams" role="note" data-testid="streams">
              {text()}
            </p>
          )}
        </Show>
        <Show when={tab() === "console"} fallback={null}>
          <ConsolePanel />
        </Show>
        <Show when={tab() === "terminal"}>
          <Suspense fallback={<p class="empty">Loading the terminal</p>}>
            <TerminalPanel />
          </Suspense>
        </Show>
      </Show>
    </section>
  );
}
