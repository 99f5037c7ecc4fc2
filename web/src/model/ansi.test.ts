import { expect, test } from "vitest";
import { parseAnsi, plainText } from "./ansi";

test("colours become classes and everything else that a terminal understands disappears", () => {
  const { pieces } = parseAnsi("\x1b[1;31mbad\x1b[0m ok\x1b[2K\x1b]0;title\x07!", "");
  expect(pieces).toEqual([
    { text: "bad", classes: "bold fg-1", color: null },
    { text: " ok", classes: "", color: null },
    { text: "!", classes: "", color: null },
  ]);
});

test("a colour that is still on at the end of a line goes on in the next", () => {
  const first = parseAnsi("\x1b[32mgreen", "");
  expect(parseAnsi("still", first.style).pieces).toEqual([{ text: "still", classes: "fg-2", color: null }]);
});

test("true colour and the 256 colours are colours", () => {
  expect(parseAnsi("\x1b[38;2;1;2;300mx", "").pieces[0]?.color).toBe("rgb(1 2 255)");
  expect(parseAnsi("\x1b[38;5;196mx", "").pieces[0]?.color).toBe("rgb(255 0 0)");
  expect(parseAnsi("\x1b[94mx", "").pieces[0]?.classes).toBe("fg-12");
});

test("a carriage return overwrites the line, and markup stays text", () => {
  expect(plainText("10%\r50%\r100%\r")).toBe("100%");
  expect(plainText("<b>\x1b[1mx</b>")).toBe("<b>x</b>");
});

test("an escape sequence that is cut off at the end is not shown", () => {
  expect(plainText("x\x1b[3")).toBe("x");
});
