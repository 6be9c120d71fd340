/** What states and ways are called. Pure. */

export const STATES = { queued: "waits", sent: "sent", failed: "failed, tried again", givenUp: "given up" };
export const WAYS = { email: "e-mail", webhook: "webhook", ntfy: "ntfy", matrix: "Matrix", browser: "browser" };

/** Seconds as people say them. @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60), rest = seconds % 60;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

/** How a way works. @param {any} way */
export function works(way) {
  if (way.failing) return `fails, ${way.failures} times in a row`;
  if (way.failures) return `failed ${way.failures === 1 ? "once" : "twice"}`;
  return way.sentAt ? "works" : "not used yet";
}

/** What a call was about. @param {any} call */
export function about(call) {
  if (call.test) return "test";
  if (!call.alarms) return "";
  return call.alarms > 1 ? `${call.about} and ${call.alarms - 1} more` : call.about;
}
