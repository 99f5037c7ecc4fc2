import { expect, test } from "vitest";
import { KEPT_BYTES, Terminals } from "./terminals";

function listening() {
  const terminals = new Terminals();
  const heard: [number, string, boolean][] = [];
  const text = () => {
    heard.length = 0;
    terminals.listen((session, text, fresh) => heard.push([session, text, fresh]));
    return heard[0]?.[1] ?? "";
  };
  return { terminals, heard, text };
}

test("who listens late hears what came before, then what comes", () => {
  const { terminals, heard, text } = listening();
  terminals.add(1, "a\n");
  terminals.add(1, "b");
  expect(text()).toBe("a\nb");
  terminals.add(1, "c");
  expect(heard.at(-1)).toEqual([1, "c", false]);
});

test("i11 a terminal is bounded by bytes, keeps its end, and says how much is missing", () => {
  const { terminals, text } = listening();
  const line = `${"ä".repeat(8 << 10)}\n`; // 16 KB
  for (let i = 0; i < 1000; i++) terminals.add(1, `${i} ${line}`);
  const kept = text();
  const bytes = new TextEncoder().encode(kept).length;
  expect(bytes).toBeLessThan(KEPT_BYTES + 100);
  expect(bytes).toBeGreaterThan(KEPT_BYTES / 2);
  expect(kept.endsWith(`999 ${line}`)).toBe(true);
  const said = /^\x1b\[2m(\d+\.\d) MB earlier are not shown\x1b\[0m\r\n(\d+) ä/.exec(kept);
  const whole = 1000 * (16 << 10);
  expect(Number(said?.[1])).toBeCloseTo((whole - bytes) / (1 << 20), 0);
  expect(said?.[2]).toBeDefined();
});

test("i11 many small pieces are kept whole, and one that is too large by itself keeps its end", () => {
  const { terminals, text } = listening();
  for (let i = 0; i < 10_000; i++) terminals.add(1, "12\n");
  expect(text()).toBe("12\n".repeat(10_000));
  terminals.add(1, `${"x".repeat(2 * KEPT_BYTES)}\nend`);
  expect(text().length).toBeLessThanOrEqual(KEPT_BYTES + 100);
  expect(text().endsWith("end")).toBe(true);
  expect(text()).toContain("earlier are not shown");
});

test("i11 what the hub had forgotten already is counted as well", () => {
  const { terminals, text } = listening();
  terminals.replace([[1, [{ output: "late\n", ikpdbTerminal: true, ikpdbDropped: 2048 }]]]);
  expect(text()).toBe("\x1b[2m2.0 KB earlier are not shown\x1b[0m\r\nlate\n");
});
