// The value of what the pointer rests on. The pointer may enter it; Alt holds it.

import { createEffect, createMemo, createSignal, onCleanup, Show } from "solid-js";
import { hoverPath, type TreeRow, valueRows } from "../model/tree";
import { IconButton } from "./IconButton";
import { copy } from "./ui";
import { useModel, useSelect } from "./use";
import { ValueTree, valueClass } from "./ValueTree";

const LEAVE_MS = 400;

export function HoverCard() {
  const model = useModel();
  const hover = useSelect((state) => state.hover);
  const tree = useSelect((state) => state.tree);
  const expanded = useSelect((state) => state.expanded);
  const [inside, setInside] = createSignal(false);
  let card: HTMLElement | undefined;
  const rows = createMemo((): TreeRow[] => {
    const now = hover();
    const list: TreeRow[] = [];
    if (now !== null && now.variable.ref > 0) {
      valueRows({ tree: tree(), expanded: expanded() }, hoverPath(now.expression), now.variable, 0, list);
    }
    return list;
  });
  createEffect(() => {
    const now = hover();
    if (now === null || card === undefined) {
      setInside(false);
      return;
    }
    const { width, height } = card.getBoundingClientRect();
    card.style.left = `${Math.max(8, Math.min(now.x - 4, innerWidth - width - 8))}px`;
    const below = now.y + 4;
    card.style.top = `${below + height > innerHeight - 8 ? Math.max(8, now.y - height - 26) : below}px`;
  });
  createEffect(() => {
    if (hover() === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const move = (event: PointerEvent) => {
      const target = event.target instanceof Element ? event.target : null;
      const near = target !== null && (card?.contains(target) === true || target.closest(".hover-target") !== null);
      setInside(near);
      clearTimeout(timer);
      if (!near && !event.altKey) timer = setTimeout(() => model.values.hideHover(), LEAVE_MS);
    };
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") model.values.hideHover();
    };
    addEventListener("pointermove", move);
    addEventListener("keydown", key);
    onCleanup(() => {
      clearTimeout(timer);
      removeEventListener("pointermove", move);
      removeEventListener("keydown", key);
    });
  });
  return (
    <Show when={hover()}>
      {(now) => (
        <section
          class="card-hover"
          role="dialog"
          aria-label={`Value of ${now().expression}`}
          data-testid="hover-card"
          data-inside={inside()}
          ref={card}
        >
          <header>
            <code class="cut">{now().expression}</code>
            <span class="dim cut">{now().variable.type}</span>
            <span class="grow" />
            <IconButton icon="eye" label="Add to watch" run={() => model.values.addWatch(now().expression)} />
            <IconButton
              icon="copy"
              label="Copy value"
              run={() => void model.values.copyText(now().variable).then(copy)}
            />
          </header>
          <div class="value">
            <span class={valueClass(now().variable)}>{now().variable.value}</span>
          </div>
          <Show when={rows().length > 0}>
            <ValueTree rows={rows()} label={`Value of ${now().expression}`} editable={false} />
          </Show>
        </section>
      )}
    </Show>
  );
}
