// ANSI colours in program output: a line into styled pieces of text. Everything else a terminal understands is left out.

export interface Piece {
  text: string;
  /** `bold`, `dim`, `italic`, `underline`, and `fg-N`/`bg-N` for the 16 colours of the theme. */
  classes: string;
  /** A colour outside the 16, as CSS. */
  color: string | null;
}

interface Pen {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  fg: string;
  bg: string;
}

const PLAIN: Pen = { bold: false, dim: false, italic: false, underline: false, inverse: false, fg: "", bg: "" };

const ESCAPE =
  /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_=>]|\x1b\[?[0-9;]*$|[\x00-\x08\x0b-\x1f\x7f]/g;

const encode = (pen: Pen): string =>
  [pen.bold, pen.dim, pen.italic, pen.underline, pen.inverse].map((on) => (on ? "1" : "0")).join("") +
  `|${pen.fg}|${pen.bg}`;

function decode(style: string): Pen {
  const [flags = "", fg = "", bg = ""] = style.split("|");
  const [bold, dim, italic, underline, inverse] = [...flags].map((flag) => flag === "1");
  return { ...PLAIN, bold: !!bold, dim: !!dim, italic: !!italic, underline: !!underline, inverse: !!inverse, fg, bg };
}

/** The 6×6×6 cube and the greys of the 256 colours. */
function extended(index: number): string {
  if (index < 16) return String(index);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

function apply(pen: Pen, parameters: string): Pen {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let next = { ...pen };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code >= 30 && code <= 37) next.fg = String(code - 30);
    else if (code === 39) next.fg = "";
    else if (code >= 40 && code <= 47) next.bg = String(code - 40);
    else if (code === 49) next.bg = "";
    else if (code >= 90 && code <= 97) next.fg = String(code - 82);
    else if (code >= 100 && code <= 107) next.bg = String(code - 92);
    else if (code === 38 || code === 48) {
      let color = "";
      if (codes[i + 1] === 5) {
        color = extended(codes[i + 2] ?? 0);
        i += 2;
      } else if (codes[i + 1] === 2) {
        const byte = (at: number) => Math.min(Math.max(codes[i + at] ?? 0, 0), 255);
        color = `rgb(${byte(2)} ${byte(3)} ${byte(4)})`;
        i += 4;
      }
      if (code === 38) next.fg = color;
      else next.bg = color;
    }
  }
  return next;
}

function look(pen: Pen): Omit<Piece, "text"> {
  const classes: string[] = [];
  if (pen.bold) classes.push("bold");
  if (pen.dim) classes.push("dim");
  if (pen.italic) classes.push("italic");
  if (pen.underline) classes.push("underline");
  if (pen.inverse) classes.push("inverse");
  const named = /^\d+$/;
  if (named.test(pen.fg)) classes.push(`fg-${pen.fg}`);
  if (named.test(pen.bg)) classes.push(`bg-${pen.bg}`);
  return { classes: classes.join(" "), color: pen.fg !== "" && !named.test(pen.fg) ? pen.fg : null };
}

/** What stays visible of a line after its carriage returns. */
function overwritten(line: string): string {
  const trimmed = line.replace(/\r+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

/** The pieces of one line that begins in the state `style`, and the state at its end. */
export function parseAnsi(line: string, style: string): { pieces: Piece[]; style: string } {
  const text = overwritten(line);
  const pieces: Piece[] = [];
  let pen = decode(style);
  let from = 0;
  const push = (to: number) => {
    if (to > from) pieces.push({ text: text.slice(from, to), ...look(pen) });
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) pen = apply(pen, match[1]);
  }
  push(text.length);
  return { pieces, style: encode(pen) };
}

/** The text alone. */
export function plainText(line: string): string {
  return overwritten(line).replace(ESCAPE, "");
}
