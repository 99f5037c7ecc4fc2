// The window: what stands where, at every width.

import { createEffect, For, onCleanup, onMount } from "solid-js";
import { memory } from "../model/memory";
import type { PhonePanel } from "../model/state";
import { useAttention } from "./attention";
import { BreakpointsPanel } from "./BreakpointsPanel";
import { Dialogs } from "./Dialogs";
import { Dock } from "./Dock";
import { FileTree } from "./FileTree";
import { Foot } from "./Foot";
import { useKeys } from "./keys";
import { Menu } from "./Menu";
import { PhoneBar } from "./RunBar";
import { SourcePanel } from "./SourcePanel";
import { Splitter } from "./Splitter";
import { StackPanel } from "./StackPanel";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";
import { useModel, useSelect, useUi } from "./use";
import { VariablesPanel } from "./VariablesPanel";
import { WatchPanel } from "./WatchPanel";

const PHONE: { panel: PhonePanel; label: string }[] = [
  { panel: "source", label: "Source" },
  { panel: "stack", label: "Stack" },
  { panel: "console", label: "Console" },
  { panel: "breakpoints", label: "Breakpoints" },
  { panel: "files", label: "Files" },
];

/** The theme follows the system unless the user chose. */
function useTheme(): void {
  const ui = useUi();
  const choice = useSelect((state) => state.choices.theme);
  const system = matchMedia("(prefers-color-scheme: light)");
  const apply = () => {
    const chosen = choice();
    const wanted = chosen === "system" ? (system.matches ? "light" : "dark") : chosen;
    document.documentElement.dataset.theme = wanted;
    ui.setTheme(wanted);
  };
  createEffect(apply);
  onMount(() => system.addEventListener("change", apply));
  onCleanup(() => system.removeEventListener("change", apply));
}

function useSizes(): void {
  const choices = useSelect((state) => state.choices);
  createEffect(() => {
    const { style } = document.documentElement;
    style.setProperty("--left", `${choices().left}px`);
    style.setProperty("--right", `${choices().right}px`);
    style.setProperty("--dock", `${choices().dock}px`);
  });
}

/** Children remembered over a reload as told of. */
const MOST_TOLD = 200;

/** Tells once of child processes that are not debugged. */
function useChildrenNotice(): void {
  const model = useModel();
  const fresh = useSelect(
    (state) => {
      const info = state.current === null ? undefined : state.sessions[state.current];
      return (info?.children ?? []).filter((child) => !state.toldChildren.includes(child.pid));
    },
    (a, b) => a.length === b.length && a.every((child, i) => child.pid === b[i]?.pid),
  );
  createEffect(() => {
    const children = fresh();
    const [first] = children;
    if (first === undefined) return;
    const rest = children.length > 1 ? ` and ${children.length - 1} more are` : " is";
    const hint = first.hint === undefined ? "" : ` ${first.hint}`;
    const text = `Child process ${first.pid} (${first.command.join(" ")})${rest} not debugged.${hint}`;
    const session = model.store.get().current;
    queueMicrotask(() => {
      model.store.dispatch({ type: "toldChildren", pids: children.map((child) => child.pid) });
      memory.set("told-children", model.store.get().toldChildren.slice(-MOST_TOLD));
      model.store.dispatch({ type: "toast", toast: { tone: "info", text, action: null } });
      if (session !== null) model.store.dispatch({ type: "consoleNote", session, text });
    });
  });
}

export function App() {
  const model = useModel();
  const ui = useUi();
  const left = useSelect((state) => state.leftOpen);
  const right = useSelect((state) => state.rightOpen);
  const phone = useSelect((state) => state.phone);
  const expanded = useSelect((state) => state.expanded);
  useTheme();
  useSizes();
  useKeys(model, ui);
  useAttention();
  useChildrenNotice();
  createEffect(() => memory.set("expanded", expanded()));
  onMount(() => {
    const back = () => {
      if (document.hidden || model.store.get().link.kind !== "open") return;
      model.files.reload();
      model.files.refreshFolders();
    };
    document.addEventListener("visibilitychange", back);
    onCleanup(() => document.removeEventListener("visibilitychange", back));
  });
  return (
    <div
      class="app"
      data-left={left() ? "open" : "closed"}
      data-right={right() ? "open" : "closed"}
      data-phone={phone()}
      data-testid="app"
      onKeyDown={(event) => {
        if (event.key === "Escape" && left()) model.store.dispatch({ type: "layout", change: { leftOpen: false } });
      }}
    >
      <TopBar />
      <nav class="pnav only-phone" aria-label="Panels">
        <For each={PHONE}>
          {({ panel, label }) => (
            <button
              type="button"
              aria-current={phone() === panel ? "page" : undefined}
              onClick={() => model.store.dispatch({ type: "layout", change: { phone: panel } })}
            >
              {label}
            </button>
          )}
        </For>
      </nav>
      <aside class="left" aria-label="Workspace and breakpoints">
        <Splitter edge="left" />
        <FileTree />
        <BreakpointsPanel />
      </aside>
      <main class="mid-col" aria-label="Source and console">
        <SourcePanel />
        <Dock />
      </main>
      <aside class="right" aria-label="Call stack, variables and watch" data-testid="debug-panel">
        <Splitter edge="right" />
        <StackPanel />
        <VariablesPanel />
        <WatchPanel />
      </aside>
      <PhoneBar />
      <Foot />
      <Menu />
      <Dialogs />
      <Toasts />
    </div>
  );
}
