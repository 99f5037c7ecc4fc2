// A hub for the development of the page: serves dist/ with the real headers and plays a recorded program.
//   node dev/hub.mjs [--port N] [--scene stopped|running|exception|ended|none|input|many|differs]
// It is no test double: the tests run against the real hub.

import { createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { children, EXCEPTION, FILES, frames, GLOBALS, locals, REPORTS, THREADS, WORKSPACE } from "./program.mjs";

const { values: options } = parseArgs({ options: { port: { type: "string" }, scene: { type: "string" } } });
const port = Number(options.port ?? 15490);
const scene = options.scene ?? "stopped";
const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const secret = Buffer.alloc(32, 7);
const epoch = randomBytes(8).toString("hex");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

const server = createServer(async (request, response) => {
  const path = request.url === "/" ? "/index.html" : (request.url ?? "").split("?")[0];
  try {
    const nonce = randomBytes(16).toString("base64");
    let body = await readFile(join(dist, path));
    if (path === "/index.html") body = Buffer.from(body.toString().replace("__CSP_NONCE__", nonce));
    response.writeHead(200, {
      "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      "content-security-policy": `default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; style-src 'self' 'nonce-${nonce}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    });
    response.end(body);
  } catch {
    response.writeHead(404);
    response.end();
  }
});

const clients = new Set();
let n = 0;
let wishId = 6;
let stop = 1;
let line = scene === "exception" ? 33 : 42;
let round = 2;
const wish = (id, path, at, more = {}) => ({
  id,
  path,
  line: at,
  enabled: true,
  placed: { 1: { verified: true } },
  text: FILES[path].split("\n")[at - 1].trim(),
  ...more,
});
const breakpoints = {
  active: true,
  wishes:
    scene === "none"
      ? []
      : [
          wish(1, REPORTS, 26),
          wish(2, REPORTS, 31, { enabled: false }),
          wish(3, REPORTS, 38, { logMessage: "{month}: {net:,.0f}" }),
          wish(4, REPORTS, 42, { condition: "net > 40_000" }),
          wish(5, REPORTS, 45, { placed: { 1: { verified: false, message: "no code here" } } }),
          wish(6, join(WORKSPACE, "app/auth.py"), 11),
        ],
};
let watches = ["net / len(group)", "orders.net.max()", "table"];
const settings = [];

const stopped = () => ({
  reason: line === 33 ? "exception" : stop === 1 ? "breakpoint" : "step",
  threadId: 2,
  ikpdbStop: stop,
  text: line === 33 ? "MissingRate: no exchange rate for 'JPY'" : undefined,
  allThreadsStopped: true,
});

const session = {
  id: 1,
  name: "flask run",
  type: "python",
  state: scene === "running" || scene === "input" ? "running" : scene === "ended" ? "ended" : "stopped",
  pid: 41872,
  python: {
    version: "3.13.1",
    implementation: "CPython",
    executable: "/home/ada/shop/.venv/bin/python",
    freeThreaded: false,
  },
  command: ["python", "-m", "flask", "--app", "app", "run", "--no-reload"],
  cwd: WORKSPACE,
  startedAt: Date.now() - 12_400,
  streams: {
    stdin: { kind: "terminal" },
    stdout: { kind: "terminal" },
    stderr: { kind: "terminal" },
    terminal: { columns: 80, rows: 24 },
    attached: false,
  },
  capabilities: {
    supportsConditionalBreakpoints: true,
    supportsHitConditionalBreakpoints: true,
    supportsLogPoints: true,
    supportsSetVariable: true,
    supportsExceptionInfoRequest: true,
    supportsTerminateRequest: true,
    supportsRestartRequest: true,
    exceptionBreakpointFilters: [
      { filter: "uncaught", label: "Uncaught", description: "Ends the program" },
      { filter: "raised", label: "Raised", description: "Every one" },
    ],
    ikpdb: { runTo: true, executeCode: true },
  },
  waitingForInput: scene === "input",
  restartable: true,
  children: [],
};
if (session.state === "stopped") session.stopped = stopped();
if (session.state === "ended") session.exit = { exitCode: 7, durationMs: 3210 };

const OUTPUT = [
  {
    output: ' * Serving Flask app "app"\r\n * Debug mode: \x1b[33moff\x1b[0m\r\n',
    category: "stdout",
    ikpdbTerminal: true,
  },
  {
    output: " * Running on http://127.0.0.1:5000\r\n\x1b[31m\x1b[1mPress CTRL+C to quit\x1b[0m\r\n",
    category: "stdout",
    ikpdbTerminal: true,
  },
  {
    output: '127.0.0.1 - - [20/Nov 09:14:02] "GET /login HTTP/1.1" 200 -\r\n',
    category: "stdout",
    ikpdbTerminal: true,
  },
  { output: "2025-01: 41,790\n", category: "console", source: { path: REPORTS }, line: 38 },
  { output: "2025-02: 39,870\n", category: "console", source: { path: REPORTS }, line: 38 },
  { output: "2025-03: 48,214\n", category: "console", source: { path: REPORTS }, line: 38 },
];

const sessions = () => {
  if (scene === "none") return [];
  return scene === "many"
    ? [session, { ...session, id: 2, name: "worker.py", pid: 4711, state: "running" }]
    : [session];
};

const snapshot = () => ({
  n,
  workspace: { path: WORKSPACE, name: "shop" },
  sessions: sessions(),
  output: { 1: OUTPUT },
  breakpoints,
  exceptionFilters: { active: ["uncaught"] },
  watches: { expressions: watches },
  settings,
  pages: 2,
});

const emit = (id, event, body) => {
  n += 1;
  const text = JSON.stringify({
    ...(id === null ? {} : { session: id }),
    n,
    message: { type: "event", seq: 0, event, body },
  });
  for (const client of clients) client.send(text);
};

const go = (next) => {
  session.state = "running";
  delete session.stopped;
  emit(1, "continued", { threadId: 2, allThreadsContinued: true });
  setTimeout(() => {
    stop += 1;
    next();
    session.state = "stopped";
    session.stopped = stopped();
    emit(1, "stopped", session.stopped);
  }, 5);
  return {};
};

const mac = (label, ...parts) =>
  createHmac("sha256", secret)
    .update([label, ...parts].join("\0"))
    .digest("hex");

const evaluated = (expression) => {
  if (expression === "table" || expression.includes("JPY"))
    throw new Error(`NameError: name '${expression.split("[")[0]}' is not defined`);
  if (expression.startsWith("group"))
    return { result: "DataFrame 1,204 × 8", type: "DataFrame", variablesReference: 44 };
  if (/^[\d\s+*-]+$/.test(expression))
    return { result: String(Function(`return ${expression}`)()), type: "int", variablesReference: 0 };
  return { result: expression.length > 14 ? "40.04" : "48213.7", type: "float64", variablesReference: 0 };
};

const entries = (path) => {
  const names = new Map();
  for (const file of Object.keys(FILES)) {
    if (!file.startsWith(`${path}/`)) continue;
    const [name, ...rest] = file.slice(path.length + 1).split("/");
    names.set(name, rest.length > 0);
  }
  return [...names]
    .map(([name, folder]) => ({ name, folder }))
    .sort((a, b) => b.folder - a.folder || a.name.localeCompare(b.name));
};

const changed = () => emit(null, "ikpdb/breakpoints", breakpoints);

const ANSWERS = {
  "ikpdb/files/list": ({ path }) => ({ entries: entries(path), truncated: false }),
  "ikpdb/files/read": ({ path }) => ({ content: FILES[path] ?? "", hash: "aa" }),
  "ikpdb/files/find": ({ query }) => ({ paths: Object.keys(FILES).filter((path) => path.includes(query)) }),
  "ikpdb/breakpoints/set": (args) => {
    wishId += 1;
    const made = { enabled: true, placed: { 1: { verified: true } }, ...args, id: wishId };
    breakpoints.wishes.push(made);
    changed();
    return made;
  },
  "ikpdb/breakpoints/change": (args) => {
    const one = breakpoints.wishes.find((it) => it.id === args.id);
    Object.assign(one, args);
    one.placed = /==$/.test(one.condition ?? "")
      ? { 1: { verified: false, message: "SyntaxError: invalid syntax" } }
      : { 1: { verified: true } };
    changed();
    return one;
  },
  "ikpdb/breakpoints/remove": ({ ids }) => {
    breakpoints.wishes = breakpoints.wishes.filter((it) => !ids.includes(it.id));
    changed();
    return {};
  },
  "ikpdb/breakpoints/activate": ({ active }) => {
    breakpoints.active = active;
    changed();
    return {};
  },
  "ikpdb/watches": ({ expressions }) => {
    watches = expressions;
    emit(null, "ikpdb/watches", { expressions });
    return {};
  },
  "ikpdb/setting": (setting) => {
    settings.push(setting);
    return {};
  },
  stackTrace: ({ threadId }) =>
    threadId === 2
      ? { stackFrames: frames(line), totalFrames: 7 }
      : { stackFrames: frames(42).slice(4), totalFrames: 3 },
  threads: () => ({ threads: THREADS }),
  scopes: () => ({
    scopes: [
      {
        name: "Locals",
        presentationHint: "locals",
        variablesReference: 10,
        namedVariables: locals(line, round).length,
        expensive: false,
      },
      { name: "Globals", presentationHint: "globals", variablesReference: 11, namedVariables: 34, expensive: false },
    ],
  }),
  variables: ({ variablesReference: ref, start = 0, count = 0 }) => ({
    variables: ref === 10 ? locals(line, round) : ref === 11 ? GLOBALS : children(ref, start, count),
  }),
  evaluate: ({ expression }) => evaluated(expression),
  exceptionInfo: () => EXCEPTION,
  source: ({ source }) => ({
    content: FILES[source.path] ?? "# library code\n".repeat(1600),
    ikpdbHash: scene === "differs" ? "bb" : "aa",
  }),
  setVariable: ({ value }) => {
    if (/[^\w.'"]/.test(value)) throw new Error("SyntaxError: invalid syntax");
    return { value, type: "int" };
  },
  continue: () => go(() => (round = (round + 1) % 4)),
  next: () => go(() => (line = line >= 48 ? 36 : line + 1)),
  stepIn: () => go(() => (line += 1)),
  stepOut: () => go(() => (line = 48)),
  pause: () => go(() => (line = 39)),
  "ikpdb/runTo": (args) => go(() => (line = args.line)),
  terminate: () => {
    session.state = "ended";
    session.exit = { signal: "SIGTERM", durationMs: 8123 };
    delete session.stopped;
    emit(null, "ikpdb/session", session);
    return {};
  },
};

new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => {
  let nonce = "";
  socket.on("close", () => clients.delete(socket));
  socket.on("message", (data) => {
    const { message } = JSON.parse(data);
    const args = message.arguments;
    const base = { type: "response", seq: 0, request_seq: message.seq, command: message.command };
    const answer = (body) => socket.send(JSON.stringify({ message: { ...base, success: true, body } }));
    if (message.command === "ikpdb/greet") {
      nonce = args.nonce;
      answer({ protocol: 1, build: "dev", nonce: "h", proof: mac("ikpdb hub", nonce, "h") });
    } else if (message.command === "ikpdb/hello") {
      if (args.proof !== mac("ikpdb client", nonce, "h")) {
        socket.send(JSON.stringify({ message: { ...base, success: false, message: "wrong secret" } }));
        return;
      }
      clients.add(socket);
      answer({ epoch, snapshot: args.epoch === epoch ? undefined : snapshot() });
    } else {
      try {
        answer(ANSWERS[message.command]?.(args) ?? {});
      } catch (error) {
        socket.send(JSON.stringify({ message: { ...base, success: false, message: error.message } }));
      }
    }
  });
});

server.listen(port, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${port}/#secret=${secret.toString("hex")}`);
});
