/**
 * The way to the shared worker that holds the live connection. It is opened by a script of its own,
 * before the others are there, so that the town's state comes while they do.
 */

const WORKER = new URL("./live-worker.js", import.meta.url);

/** null where a browser has no shared workers. What comes waits in it until somebody listens. */
export const port = "SharedWorker" in globalThis ? opened() : null;

function opened() {
  const { role } = JSON.parse(document.getElementById("session").textContent);
  // One worker per role: after a switch nothing of the old role is shown.
  const { port } = new SharedWorker(WORKER, { type: "module", name: `townsquare ${role}` });
  port.postMessage("join");
  addEventListener("pagehide", () => port.postMessage("leave"));
  // Back from the browser's cache of pages.
  addEventListener("pageshow", ({ persisted }) => persisted && port.postMessage("join"));
  return port;
}
