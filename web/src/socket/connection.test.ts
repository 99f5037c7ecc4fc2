import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Connection, type LinkStatus } from "./connection";
import { takeCredentials } from "./credentials";
import { FakeHub, FakeTimers, fakeParts, fakePlaces, Refusal, SECRET, settled } from "./fakeHub";
import { check, hex, prove, seal, unhex } from "./proof";
import { parseEnvelope, RequestError } from "./wire";

function connect(fragment: string, stored: string | null = null, hub = new FakeHub()) {
  const timers = new FakeTimers();
  const places = fakePlaces(fragment, stored);
  const statuses: LinkStatus[] = [];
  const events: [number | null, string][] = [];
  const snapshots: unknown[] = [];
  const epochs: string[] = [];
  const connection = new Connection(fakeParts(hub, timers, places), takeCredentials(places), {
    status: (status) => statuses.push(status),
    snapshot: (snapshot, epoch) => {
      snapshots.push(snapshot);
      epochs.push(epoch);
    },
    event: (session, event) => events.push([session, event.event]),
  });
  connection.start();
  return { hub, timers, places, statuses, events, snapshots, epochs, connection, kind: () => statuses.at(-1)?.kind };
}

test("the proof is the one that the hub computes", () => {
  const golden = readFileSync(new URL("../../../crates/proto/golden/proof.txt", import.meta.url), "utf8").trim();
  expect(prove(SECRET, "client", "client-nonce", "hub-nonce")).toBe(golden);
  expect(check(SECRET, "client", "client-nonce", "hub-nonce", golden)).toBe(true);
  expect(check(SECRET, "hub", "client-nonce", "hub-nonce", golden)).toBe(false);
  expect(check(SECRET, "client", "client-nonce", "hub-nonce", "")).toBe(false);
});

test("a seal opens with the same ticket, and hex is checked", () => {
  const sealed = seal(new Uint8Array([1]), "a", "b", SECRET);
  expect(hex(seal(new Uint8Array([1]), "a", "b", sealed))).toBe(hex(SECRET));
  for (const bad of ["", "0", "0g", "é0"]) expect(unhex(bad)).toBeNull();
});

test("the secret in the address lets in, is taken out of the address, and stays in the tab", async () => {
  const { kind, places, snapshots } = connect(`#secret=${hex(SECRET)}`);
  await settled();
  expect(kind()).toBe("open");
  expect(places.clean).toBe(true);
  expect(places.stored).toBe(hex(SECRET));
  expect(snapshots).toEqual([{ n: 0 }]);
});

test("a ticket is exchanged for the lasting secret, which lets in after a break", async () => {
  const { kind, places, hub, timers } = connect(`#ticket=T1.${"09".repeat(32)}`);
  await settled();
  expect(kind()).toBe("open");
  expect(places.stored).toBe(hex(SECRET));
  expect(JSON.stringify(hub.asked)).not.toContain("09".repeat(32));
  hub.socket.close();
  await settled();
  timers.advance(200);
  await settled();
  expect(kind()).toBe("open");
  expect(hub.asked.at(-2)?.args.ticket).toBeUndefined();
});

/** The same with the names of types in the place of values; what it is, and of which request, stays. */
function shape(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => shape(one));
  if (typeof value === "object" && value !== null) {
    const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([name, one]) => [name, shape(one, name)]));
  }
  return key === "type" || key === "command" ? value : typeof value;
}

/** What the hub's own tests take from a page. */
function golden(name: string): unknown {
  const path = new URL(`../../../crates/hub/tests/golden/${name}.json`, import.meta.url);
  return shape(JSON.parse(readFileSync(path, "utf8")));
}

test("what a page says first is what the hub's tests take from it", async () => {
  for (const [fragment, greeted] of [
    [`#secret=${hex(SECRET)}`, "greet"],
    [`#ticket=00ff.${"09".repeat(32)}`, "greet_with_ticket"],
  ] as const) {
    const { hub, timers, kind } = connect(fragment);
    await settled();
    expect(kind()).toBe("open");
    hub.socket.close();
    await settled();
    timers.advance(200);
    await settled();
    expect(kind()).toBe("open");
    expect(hub.frames.map((frame) => shape(frame))).toEqual([greeted, "hello_new", "greet", "hello"].map(golden));
    expect(hub.frames.map(({ message }) => message.seq)).toEqual([1, 2, 3, 4]);
  }
});

test("a wrong secret is refused with the hub's words and not tried again", async () => {
  const { kind, places, statuses, timers, hub } = connect(`#secret=${"00".repeat(32)}`);
  hub.answers.set("ikpdb/greet", (args) => ({
    protocol: 1,
    nonce: "hub-nonce",
    proof: prove(unhex("00".repeat(32)) ?? SECRET, "hub", String(args.nonce), "hub-nonce"),
  }));
  await settled();
  expect(kind()).toBe("refused");
  expect(statuses.at(-1)).toMatchObject({ message: "wrong secret" });
  expect(places.stored).toBeNull();
  timers.advance(60_000);
  await settled();
  expect(hub.sockets).toHaveLength(1);
});

test("a hub that cannot prove itself is not told anything", async () => {
  const hub = new FakeHub();
  hub.answers.set("ikpdb/greet", () => ({ protocol: 1, nonce: "hub-nonce", proof: "00" }));
  const { kind } = connect(`#secret=${hex(SECRET)}`, null, hub);
  await settled();
  expect(kind()).toBe("refused");
  expect(hub.commands()).toEqual(["ikpdb/greet"]);
});

test("a used ticket falls back to what the tab remembers", async () => {
  const hub = new FakeHub();
  const greet = hub.answers.get("ikpdb/greet");
  hub.answers.set("ikpdb/greet", (args, session) => {
    if (args.ticket !== undefined) throw new Refusal("this link was used already");
    return greet?.(args, session);
  });
  const { kind } = connect("#ticket=T1.09", hex(SECRET), hub);
  await settled();
  expect(kind()).toBe("open");
});

test("a page without a key says so", () => {
  expect(connect("").kind()).toBe("refused");
});

test("after a break it comes back by itself and names the last event that it saw", async () => {
  const { hub, timers, statuses, events, snapshots } = connect(`#secret=${hex(SECRET)}`);
  await settled();
  hub.event(1, "stopped", {});
  hub.event(null, "ikpdb/pages", {});
  hub.up = false;
  hub.socket.close();
  await settled();
  expect(statuses.at(-1)).toMatchObject({ kind: "lost", attempt: 1 });
  timers.advance(200);
  await settled();
  expect(statuses.at(-1)).toMatchObject({ kind: "lost", attempt: 2 });
  hub.up = true;
  timers.advance(500);
  await settled();
  expect(statuses.at(-1)).toMatchObject({ kind: "open" });
  expect(hub.asked.at(-1)?.args).toMatchObject({ epoch: "one", n: 2 });
  expect(snapshots).toHaveLength(1);
  hub.event(1, "continued", {}, 2); // the journal repeats itself: nothing happens twice
  hub.event(1, "stopped", {}, 3);
  expect(events.map(([, event]) => event)).toEqual(["stopped", "ikpdb/pages", "stopped"]);
});

test("a snapshot says which start of the hub it is of", async () => {
  const { hub, timers, epochs } = connect(`#secret=${hex(SECRET)}`);
  await settled();
  hub.epoch = "two";
  hub.socket.close();
  await settled();
  timers.advance(200);
  await settled();
  hub.event(1, "stopped", {}, 7);
  hub.answers.set("ikpdb/snapshot", () => ({ n: 9 }));
  hub.event(1, "stopped", {}, 9);
  await settled();
  expect(epochs).toEqual(["one", "two", "two"]);
});

test("a hole in the numbers asks for the whole state once", async () => {
  const { hub, snapshots } = connect(`#secret=${hex(SECRET)}`);
  await settled();
  hub.answers.set("ikpdb/snapshot", () => ({ n: 9 }));
  hub.event(1, "stopped", {}, 7);
  hub.event(1, "stopped", {}, 9);
  await settled();
  expect(snapshots).toEqual([{ n: 0 }, { n: 9 }]);
});

test("requests fail when they are refused, too late, or the connection breaks", async () => {
  const { hub, timers, connection } = connect(`#secret=${hex(SECRET)}`);
  await settled();
  hub.answers.set("next", () => {
    throw new Refusal("the program is running");
  });
  const failure = (work: Promise<unknown>) => work.catch((error: RequestError) => `${error.kind}: ${error.message}`);
  const refused = failure(connection.request(1, "next").answer);
  await settled();
  expect(await refused).toBe("refused: the program is running");
  const late = failure(connection.request(1, "threads").answer);
  const patient = failure(connection.request(1, "evaluate", {}, { deadlineMs: 0 }).answer);
  timers.advance(15_000);
  expect(await late).toBe("timeout: No answer to 'threads' within 15 s.");
  hub.socket.close();
  await settled();
  expect(await patient).toBe("gone: The hub is gone.");
  await expect(connection.request(1, "next").answer).rejects.toBeInstanceOf(RequestError);
});

test("what is no envelope is ignored", () => {
  for (const bad of [
    "",
    "[]",
    "{}",
    '{"message":{"type":"event"}}',
    '{"message":{"type":"response","success":true}}',
  ]) {
    expect(parseEnvelope(bad)).toBeNull();
  }
});
