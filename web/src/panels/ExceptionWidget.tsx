// An exception at its line: type, message, where it goes, what caused it.

import { For, Show } from "solid-js";
import { place } from "../model/paths";
import { shownStop } from "../model/selectors";
import type { ExceptionView } from "../model/state";
import type { ExceptionDetails } from "../socket/generated/ExceptionDetails";
import { Icon } from "./Icon";
import { IconButton } from "./IconButton";
import { copy } from "./ui";
import { useModel, useSelect } from "./use";

interface Link {
  label: string;
  text: string;
  at: { path: string; line: number; function?: string } | null;
}

const MOST_CAUSES = 6;

function shortName(name: string): string {
  return name.replace(/^builtins\./, "");
}

function chain(details: ExceptionDetails | undefined): Link[] {
  const links: Link[] = [];
  let one = details;
  let label = "raised by";
  while (one !== undefined && links.length < MOST_CAUSES) {
    const name = shortName(one.typeName ?? one.fullTypeName ?? "");
    const text = one.message === undefined || one.message === "" ? name : `${name}: ${one.message}`;
    links.push({ label, text, at: one.ikpdbRaisedAt ?? null });
    const inner: ExceptionDetails | undefined = one.innerException?.[0];
    label = inner?.ikpdbRelation === "context" ? "while handling" : "caused by";
    one = inner;
  }
  return links;
}

export function ExceptionWidget(props: { view: ExceptionView }) {
  const model = useModel();
  const unwound = useSelect((state) => shownStop(state)?.ikpdbUnwound === true);
  const info = () => props.view.info;
  const text = () => props.view.text;
  const name = () => {
    const id = info()?.details?.typeName ?? info()?.exceptionId ?? text().split(":")[0] ?? "";
    return id.slice(id.lastIndexOf(".") + 1) || "Exception";
  };
  const message = () =>
    info()?.description ??
    info()?.details?.message ??
    (text().includes(":")
      ? text()
          .slice(text().indexOf(":") + 1)
          .trim()
      : "");
  const uncaught = () => info() === null || info()?.breakMode === "unhandled";
  /** Alone, what was raised at this very line says nothing that does not stand above. */
  const links = () => {
    const [raised, ...causes] = chain(info()?.details);
    if (raised === undefined || raised.at === null) return causes;
    const here = raised.at.path === props.view.document && raised.at.line === props.view.line;
    return here && causes.length === 0 ? [] : [raised, ...causes];
  };
  const traceback = () => info()?.details?.stackTrace ?? "";
  const close = () => model.store.dispatch({ type: "closeException" });
  const showTraceback = () => {
    const session = model.store.get().current;
    if (session === null) return;
    model.store.dispatch({ type: "consoleTraceback", session, text: traceback().trimEnd() });
    model.store.dispatch({ type: "layout", change: { dock: "console", dockOpen: true, phone: "console" } });
  };
  return (
    <section
      class="exc"
      role="alert"
      aria-label={`Exception at line ${props.view.line}`}
      data-testid="exception"
      style={{ "--column": Math.min(Math.max(props.view.column - 1, 0), 60) }}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <header>
        <Icon name="warning" />
        <h3>{name()}</h3>
        <span class="badge err">{uncaught() ? "uncaught" : "raised"}</span>
        <span class="grow" />
        <IconButton
          icon="copy"
          label="Copy with traceback"
          run={() => void copy(traceback() || `${name()}: ${message()}`)}
        />
        <IconButton icon="close" label="Close (Esc)" run={close} />
      </header>
      <p class="msg">{message()}</p>
      <Show when={links().length > 0}>
        <ol aria-label="Where it comes from">
          <For each={links()}>
            {(link) => (
              <li>
                <span class="lbl">{link.label}</span>
                <code class="cut">{link.text}</code>
                <Show when={link.at} fallback={<span />}>
                  {(at) => (
                    <button type="button" onClick={() => model.files.open(at().path, at().line, true)}>
                      {place(at().path, at().line)}
                      <Show when={at().function}>{(name_) => <span class="wide"> in {name_()}</span>}</Show>
                    </button>
                  )}
                </Show>
              </li>
            )}
          </For>
        </ol>
      </Show>
      <footer>
        <button type="button" class="btn" disabled={traceback() === ""} onClick={showTraceback}>
          Show traceback
        </button>
        <span class="grow" />
        <span class="dim wide">
          {unwound()
            ? "The frames are as the exception left them. Continue (F5) ends the program."
            : "Continue (F5) lets it go on."}
        </span>
      </footer>
    </section>
  );
}
