// Before anything is open: how to get a program here, and the keys to know.

import { For, Match, Switch } from "solid-js";
import { currentSession, phase } from "../model/selectors";
import { command } from "./commands";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { copy } from "./ui";
import { useModel, useSelect, useUi } from "./use";

const WAYS = ["ikpdb run app.py", "ikpdb run -m pytest -x", "ikpdb run --no-stop -m http.server"];

const KEYS: [string[], string][] = [
  [["F9"], "breakpoint here"],
  [["F5"], "continue, run again"],
  [["F10"], "step over"],
  [["F11", "⇧ F11"], "step into, step out"],
  [["Ctrl P"], "go to file"],
];

export function StartPage() {
  const model = useModel();
  const ui = useUi();
  const is = useSelect(phase);
  const info = useSelect(currentSession);
  const refusal = useSelect((state) => (state.link.kind === "refused" ? state.link.message : ""));
  return (
    <section class="start" aria-label="Start">
      <div>
        <Switch
          fallback={
            <>
              <h1>Debug a program</h1>
              <p>
                Start a program with <code>ikpdb run</code> in a terminal of this folder: it shows here. It stops at its
                first line and at your breakpoints; its frames and variables show beside the source.
              </p>
            </>
          }
        >
          <Match when={is() === "refused"}>
            <h1>This page has no key</h1>
            <p>
              {refusal()} A link works once and for a minute. Type <code>ikpdb open</code> in a terminal of the
              workspace: it opens a fresh page.
            </p>
          </Match>
          <Match when={is() === "connecting"}>
            <h1>Connecting</h1>
            <p>Asking the hub for the state of the workspace.</p>
          </Match>
          <Match when={info()}>
            {(one) => (
              <>
                <h1>{one().name}</h1>
                <p>
                  {one().state === "ended"
                    ? "It has ended. What it printed is below."
                    : "Pick a file to look at, or pause the program."}
                </p>
                <div class="cards">
                  <div class="card">
                    <Icon name="terminal" />
                    <span class="cut">
                      <b class="cut">{one().name}</b>
                      <small class="mono cut">{one().command.join(" ")}</small>
                    </span>
                    <button
                      type="button"
                      class="btn primary"
                      disabled={one().state === "ended" && !one().restartable}
                      onClick={() => command(one().state === "ended" ? "restart" : "pause").run(model, ui)}
                    >
                      {one().state === "ended" ? "Run again" : "Pause"}
                    </button>
                  </div>
                </div>
              </>
            )}
          </Match>
        </Switch>
        <div class="ways">
          <div>
            <h2>From a terminal</h2>
            <For each={is() === "refused" ? ["ikpdb open"] : WAYS}>
              {(text) => (
                <div class="cmd">
                  <span class="cut">{text}</span>
                  <IconButton icon="copy" label={`Copy ${text}`} title="Copy" run={() => void copy(text)} />
                </div>
              )}
            </For>
          </div>
          <div>
            <h2>Keys</h2>
            <dl class="keys">
              <For each={KEYS}>
                {([keys, words]) => (
                  <>
                    <dt>
                      <For each={keys}>{(key) => <kbd>{key}</kbd>}</For>
                    </dt>
                    <dd>{words}</dd>
                  </>
                )}
              </For>
            </dl>
          </div>
        </div>
      </div>
    </section>
  );
}
