// The one sentence that says what the program is doing. A series of steps is read out once, when it rests.

import { createEffect, createSignal, For, onCleanup } from "solid-js";
import { contractState, hasFailed, type Phase, phase } from "../model/selectors";
import { plain, type Sentence, sentence, type Words } from "../model/sentence";
import { command } from "./commands";
import { Icon } from "./Icon";
import type { IconName } from "./icons";
import { useModel, useSelect, useUi } from "./use";

const ICON: Record<Phase, IconName> = {
  connecting: "running",
  refused: "offline",
  away: "offline",
  none: "idle",
  ended: "done",
  starting: "running",
  running: "running",
  stopped: "stopped",
  exception: "warning",
};

/** The sentence of now: it counts seconds while something runs or is waited for. */
export function useSentence() {
  const is = useSelect(phase);
  const [now, setNow] = createSignal(Date.now());
  createEffect(() => {
    is();
    setNow(Date.now());
    const ticking = is() === "running" || is() === "away";
    const timer = ticking ? setInterval(() => setNow(Date.now()), is() === "away" ? 250 : 100) : undefined;
    onCleanup(() => clearInterval(timer));
  });
  return useSelect(
    (state) => sentence(state, now()),
    (a: Sentence, b: Sentence) =>
      a.short === b.short && same(a.main, b.main) && same(a.why, b.why) && a.phase === b.phase,
  );
}

const same = (a: Words[], b: Words[]): boolean =>
  a.length === b.length && a.every((one, i) => one.kind === b[i]?.kind && one.text === b[i]?.text);

function Piece(props: { words: Words }) {
  const model = useModel();
  const ui = useUi();
  const words = props.words;
  switch (words.kind) {
    case "text":
      return <span>{words.text}</span>;
    case "wide":
      return <span class="wide">{words.text}</span>;
    case "code":
      return <code>{words.text}</code>;
    case "place":
      return (
        <button type="button" onClick={() => model.files.open(words.document, words.line, true)}>
          {words.text}
        </button>
      );
    case "action":
      return (
        <button type="button" onClick={() => command(words.command).run(model, ui)}>
          {words.text}
        </button>
      );
  }
}

export function StatusSentence() {
  const says = useSentence();
  const state = () => contractState(says().phase);
  const spins = () => ["running", "starting", "connecting"].includes(says().phase);
  const failed = useSelect(hasFailed);
  const [announced, setAnnounced] = createSignal("");
  createEffect(() => {
    const { others = "" } = says();
    const stands = others === "" ? plain(says().main) : `${plain(says().main)}. ${others}`;
    const text = says().phase === "running" ? "Running" : stands;
    const timer = setTimeout(() => setAnnounced(text), 400);
    onCleanup(() => clearTimeout(timer));
  });
  return (
    <>
      <div class="say" data-testid="status-state" data-state={state()} data-phase={says().phase}>
        <Icon name={failed() ? "warning" : ICON[says().phase]} class={spins() ? "spin" : ""} />
        <strong class="cut">
          <For each={says().main}>{(words) => <Piece words={words} />}</For>
        </strong>
        <span class="why cut">
          <For each={says().why}>{(words) => <Piece words={words} />}</For>
        </span>
      </div>
      <span class="sr" role="status">
        {announced()}
      </span>
    </>
  );
}
