// Console and terminal, as tabs below the source.

import { For, lazy, Show, Suspense } from "solid-js";
import { currentSession, streamNotes } from "../model/selectors";
import { moveInTabs } from "./arrows";
import { ConsolePanel } from "./ConsolePanel";
import { command } from "./commands";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { Splitter } from "./Splitter";
import { useModel, useSelect, useUi } from "./use";

// The terminal is large and often not looked at.
const TerminalPanel = lazy(() => import("./TerminalPanel"));

const TABS = [
  { dock: "console", label: "Console", icon: "right" },
  { dock: "terminal", label: "Terminal", icon: "terminal" },
] as const;

export function Dock() {
  const model = useModel();
  const ui = useUi();
  const tab = useSelect((state) => state.dock);
  const open = useSelect((state) => state.dockOpen);
  const info = useSelect(currentSession);
  const notes = useSelect((state) => streamNotes(currentSession(state)).join(" · "));
  return (
    <section class="dock" aria-label="Console and terminal" data-open={open()} data-region>
      <Splitter edge="dock" />
      <div class="tabs">
        <div class="strip" role="tablist" aria-label="Console and terminal" onKeyDown={moveInTabs}>
          <For each={TABS}>
            {({ dock, label, icon }) => (
              <button
                type="button"
                class="tab"
                role="tab"
                data-testid={`tab-${dock}`}
                aria-selected={open() && tab() === dock}
                tabindex={tab() === dock ? 0 : -1}
                onClick={() => model.store.dispatch({ type: "layout", change: { dock, dockOpen: true } })}
              >
                <Icon name={icon} />
                {label}
                <Show when={dock === "terminal" && info()?.waitingForInput}>
                  <span class="badge stop">waits</span>
                </Show>
              </button>
            )}
          </For>
        </div>
        <div class="end">
          <Show when={open() && tab() === "console"}>
            <IconButton icon="trash" label="Clear the console" run={() => model.console.clear()} />
          </Show>
          <IconButton
            icon={open() ? "close" : "fold"}
            label={`${open() ? "Hide" : "Show"} the panel (${command("toggleDock").keys[0]})`}
            run={() => command("toggleDock").run(model, ui)}
          />
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
